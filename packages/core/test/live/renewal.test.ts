/**
 * Runs subscriptions and renewals of one connection in every order in which their calls can reach the
 * store: each subscription that is left has the end of the token that is stored. Without one of the
 * steps of the protocol some order leaves an earlier end, after which no change is delivered.
 */

import { describe, expect, test } from "vitest";
import * as ChangeLog from "../../src/changes/log.ts";
import * as Connection from "../../src/live/connection.ts";
import { subscribe } from "../../src/live/subscription.ts";
import type { Topic } from "../../src/changes/topic.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import * as SignedToken from "../../src/store/signed-token.ts";
import { connectionOf, topicsOf } from "../support/live.ts";
import { memory } from "../support/memory-store.ts";
import { explore, scheduled } from "../support/schedule.ts";
import { SECRET, SHARDS } from "../support/store.ts";

const { client, restore, read } = memory();
const names = { tableName: "Data", changes: "Changes", connections: "Connections" };
DynamoDB.configure({ client: scheduled(client), ...names, shards: SHARDS });
SignedToken.configure(SECRET);

const NOW = Date.now();
const before = connectionOf({ authExpiresAt: NOW + 60_000, scopes: ["read:items", "read:users"] });
const withToken = (minutes: number, ...scopes: string[]): Connection.Connection => ({
  ...before,
  authExpiresAt: NOW + minutes * 60_000,
  scopes,
});

const store = (connection: Connection.Connection) =>
  DynamoDB.put(
    {
      Item: { pk: `CONNECTION#${connection.id}`, sk: "CONNECTION", expiresAt: NOW, ...connection },
    },
    "Connections",
  );

const endOf = (key: { pk: string; sk: string }) => read(names.connections, key)?.["authExpiresAt"];
const topicEnd = (topic: string) => endOf({ pk: `TOPIC#${topic}`, sk: before.id });
const storedEnd = () => endOf({ pk: `CONNECTION#${before.id}`, sk: "CONNECTION" });

const outdated = (topic: string): string | undefined =>
  topicEnd(topic) === storedEnd() ? undefined : `${topic} has another end`;

const sender = { reply: () => Promise.resolve(true), send: () => Promise.resolve(true) };

const permits = ({ scopes }: Connection.Connection, topic: string) =>
  topic === Connection.LOBBY || scopes.includes(`read:${topic}`);

/** Subscribes as an action of the Live API does, which refuses topics that a token does not permit. */
const subscriber = async (...topics: string[]): Promise<void> => {
  const guard = {
    permits: (token: Connection.Connection, { text }: Topic) => permits(token, text),
    refusal: () => new Error("forbidden"),
  };
  await subscribe(before, topicsOf(...topics), undefined, sender, Infinity, guard).catch(
    (error: unknown) => expect(error).toMatchObject({ message: "forbidden" }),
  );
};

const renewal = (renewed: Connection.Connection) => async () =>
  void (await Connection.renew(renewed, (topic) => permits(renewed, topic)));

const of = (processes: (() => Promise<void>)[], verdict: () => string | undefined) =>
  explore(
    async () => {
      restore();
      ChangeLog.reset();
      await store(before);
      await Connection.subscribe(before, [{ key: Connection.LOBBY, text: Connection.LOBBY }]);
      return { processes, verdict };
    },
    { reduced: true },
  );

const NONE = { lossy: 0, example: undefined, schedules: expect.any(Number) };
const items = () => outdated("items");
const lobby = () => outdated(Connection.LOBBY);

describe("no schedule leaves a subscription with an earlier token", () => {
  test("of a subscription and a renewal", async () => {
    const processes = [() => subscriber("items"), renewal(withToken(5, "read:items"))];
    const found = await of(processes, items);
    expect(found).toEqual(NONE);
    expect(found.schedules).toBeGreaterThan(5);
  });

  test("of a subscription and a renewal that does not permit it", async () => {
    const processes = [() => subscriber("users"), renewal(withToken(5, "read:items"))];
    const left = () => (topicEnd("users") === undefined ? undefined : "it is left");
    expect(await of(processes, left)).toEqual(NONE);
  });

  test("of a subscription and a renewal that permits one of its topics", async () => {
    const processes = [() => subscriber("items", "users"), renewal(withToken(5, "read:items"))];
    const left = () => (topicEnd("users") === undefined ? items() : "users is left");
    expect(await of(processes, left)).toEqual(NONE);
  });

  test("of a channel that is joined and a renewal", async () => {
    const channel = { key: Connection.LOBBY, text: Connection.LOBBY };
    const join = () => Connection.join(before, [channel]);
    expect(await of([join, renewal(withToken(5))], lobby)).toEqual(NONE);
  });

  test("of two renewals", async () => {
    const processes = [renewal(withToken(5)), renewal(withToken(9))];
    expect(await of(processes, lobby)).toEqual(NONE);
  });
});

describe("a schedule that leaves an earlier token is found if", () => {
  test("the subscriber does not ask for the token afterwards", async () => {
    const unaware = () => Connection.subscribe(before, topicsOf("items"));
    const { lossy } = await of([unaware, renewal(withToken(5, "read:items"))], items);
    expect(lossy).toBeGreaterThan(0);
  });

  test("the topics are read before the token is stored", async () => {
    const renewed = withToken(5, "read:items");
    const topicsFirst = async () => {
      const topics = await Connection.topicsOf(before.id);
      await store(renewed);
      await Connection.subscribe(renewed, topics);
    };
    const { lossy } = await of([() => subscriber("items"), topicsFirst], items);
    expect(lossy).toBeGreaterThan(0);
  });
});
