import { newId } from "@stockwire/core/id";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { type RunningLaptop, startLaptop } from "../laptop.ts";
import { connect, closeClients, type Frame, type LiveClient, send, until } from "./client.ts";
import { ownTables } from "./tables.ts";

/** A laptop with tables of its own for the tests of one file, and helpers for them. */
export function liveSuite(name: string, env: Record<string, string> = {}) {
  const tables = ownTables(name);
  let laptop: RunningLaptop;
  beforeAll(async () => {
    laptop = await startLaptop({ args: ["--no-seed"], env: { ...tables.env, ...env } });
  });
  afterEach(closeClients);
  afterAll(async () => {
    await laptop.close();
    await tables.drop();
  });

  const api = (method: string, path: string, body?: object, headers?: Record<string, string>) =>
    send(laptop, method, path, body, { headers: headers ?? {} });
  const create = async (path: string, body: object): Promise<Frame> =>
    (await api("POST", path, body)).json;
  /** Opens a connection of a new subject with the scope admin, unless `claims` differ. */
  const open = async (claims: Record<string, unknown> = {}): Promise<LiveClient> => {
    const token = laptop.token({ sub: newId(), scope: "admin", ...claims });
    const client = await connect(laptop, { token });
    expect(client.status).toBe(101);
    return client;
  };
  const subscribe = (client: LiveClient, topics: readonly string[], since?: string) =>
    client.request({ action: "subscribe", topics, ...(since !== undefined && { since }) });
  /** Opens a connection that is subscribed to the topics. */
  const subscriber = async (...topics: string[]): Promise<LiveClient> => {
    const client = await open();
    expect(await subscribe(client, topics)).toMatchObject({ type: "subscribed", topics });
    return client;
  };
  return {
    tables,
    laptop: () => laptop,
    api,
    create,
    open,
    subscribe,
    subscriber,
    /** Resolves when the client has received everything that was on its way at the call. */
    settled: async (client: LiveClient): Promise<void> => {
      const probe = await subscriber("items");
      await create("/items", {});
      await waitForChanges(probe, 1);
      await client.request({ action: "hello" });
    },
  };
}

/** Resolves when a client has received at least `count` changes. */
export const waitForChanges = (client: LiveClient, count: number) =>
  until(() => client.changes().length >= count, `${count} changes`);

export const email = (): string => `${newId()}@example.com`;
