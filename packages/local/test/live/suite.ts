import { newId } from "@stockwire/core/id";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { type RunningLaptop, startLaptop } from "../laptop.ts";
import { connect, endClients, type Frame, type LiveClient, send, until } from "./client.ts";
import { ownTables } from "./tables.ts";

/** A laptop for the tests of one file, on tables of its own, and what most of them do with it. */
export function liveSuite(name: string, env: Record<string, string> = {}) {
  const tables = ownTables(name);
  let laptop: RunningLaptop;
  beforeAll(async () => {
    laptop = await startLaptop({ args: ["--no-seed"], env: { ...tables.env, ...env } });
  });
  afterEach(endClients);
  afterAll(async () => {
    await laptop.close();
    await tables.drop();
  });

  const api = (method: string, path: string, body?: object, headers?: Record<string, string>) =>
    send(laptop, method, path, body, { headers: headers ?? {} });
  const create = async (path: string, body: object): Promise<Frame> =>
    (await api("POST", path, body)).json;
  const open = async (claims: Record<string, unknown> = {}): Promise<LiveClient> => {
    const token = laptop.token({ sub: newId(), scope: "admin", ...claims });
    const client = await connect(laptop, { token });
    expect(client.status).toBe(101);
    return client;
  };
  const subscribe = (client: LiveClient, topics: readonly string[], since?: string) =>
    client.ask({ action: "subscribe", topics, ...(since !== undefined && { since }) });
  const listening = async (...topics: string[]): Promise<LiveClient> => {
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
    listening,
    /** All that is on the way to a client when it is called has come when this resolves. */
    settled: async (client: LiveClient): Promise<void> => {
      const witness = await listening("items");
      await create("/items", {});
      await come(witness, 1);
      await client.ask({ action: "hello" });
    },
  };
}

export const come = (client: LiveClient, count: number) =>
  until(() => client.events().length >= count, `${count} events`);

export const email = (): string => `${newId()}@example.com`;
