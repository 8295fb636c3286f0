/** A client that follows only the published rule loses nothing, under cuts, kills and a restore. */

import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { newId } from "@stockwire/core/id";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type RunningLaptop, startLaptop } from "../laptop.ts";
import { eventually, send, until } from "./client.ts";
import { follow } from "./reference-client.ts";

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const own = {
  DYNAMODB_ENDPOINT: undefined,
  STOCKWIRE_TABLE_PREFIX: undefined,
  DATA_TABLE: undefined,
};

test("a client without the library has the newest version of every record after cuts and kills", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "stockwire-reference-"));
  closing.push(() => rm(dataDir, { recursive: true, force: true }));
  const start = (port: string) =>
    startLaptop({ args: ["--no-seed", "--port", port], env: own, dataDir });
  let laptop: RunningLaptop = await start("0");
  const { port } = new URL(laptop.url);
  closing.push(() => laptop.close());
  const open = () =>
    new WebSocket(`ws://127.0.0.1:${port}/live`, {
      headers: { authorization: `Bearer ${laptop.token({ sub: newId(), scope: "admin" })}` },
    });
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push((await send(laptop, "POST", "/items", { n })).json.id);
  const { cursor } = (await send(laptop, "GET", "/changes?topic=items")).json;
  const clients = ["items", "items", "items?type=a", `items/${ids[0]}`].map((topic) => ({
    topic,
    client: follow(open, topic, cursor),
  }));
  closing.push(() => clients.forEach(({ client }) => client.stop()));

  let writing = true;
  const write = async (n: number) => {
    for (let value = 0; writing; value++) {
      const id = ids[(value + n) % ids.length];
      await send(laptop, "PATCH", `/items/${id}`, { value, n, type: "a" }).catch(() => pause(50));
    }
  };
  const writers = [write(1), write(2)];
  const end = Date.now() + 5_000;
  for (let round = 1; Date.now() < end; round++) {
    await pause(Math.random() * 150);
    clients[round % clients.length]?.client.cut();
    if (round % 30 !== 0) continue;
    laptop.kill("SIGKILL");
    await laptop.ended;
    laptop = await start(port);
  }
  writing = false;
  await Promise.all(writers);
  await send(laptop, "DELETE", `/items/${ids[4]}`);

  const current = new Map<string, number>();
  for (const id of ids.slice(0, 4)) {
    current.set(id, (await send(laptop, "GET", `/items/${id}`)).json.version as number);
  }
  for (const { topic, client } of clients) {
    const wanted = topic.includes("/") ? ids.slice(0, 1) : ids.slice(0, 4);
    const hasAll = () =>
      wanted.every((id) => client.versions.get(id)?.version === current.get(id)) &&
      (topic.includes("/") || client.versions.get(ids[4] ?? "")?.exists === false);
    await until(hasAll, `${topic} to have every record`, 30_000);
    expect(client.resets).toBe(0);
  }
}, 120_000);

test("after a restore from a copy, a client that has seen lost changes gets a reset", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "stockwire-restore-"));
  const [live, copy] = [join(dataDir, "live"), join(dataDir, "copy")];
  closing.push(() => rm(dataDir, { recursive: true, force: true }));
  const start = (port: string) =>
    startLaptop({ args: ["--no-seed", "--port", port], env: own, dataDir: live });
  let laptop = await start("0");
  const { port } = new URL(laptop.url);
  closing.push(() => laptop.close());
  const create = async (count: number) => {
    for (let n = 0; n < count; n++) await send(laptop, "POST", "/items", { n });
  };
  const seen = (count: number) => async () =>
    (await send(laptop, "GET", `/changes?topic=items&since=${cursor}`)).json.events.length >= count;
  const { cursor } = (await send(laptop, "GET", "/changes?topic=items")).json;
  await create(3);
  await eventually(seen(3), "the changes to be in the log");
  await laptop.close();
  await cp(live, copy, { recursive: true });

  laptop = await start(port);
  let isReachable = true; // false: port 1, where nothing listens
  let caughtUp = 0; // frames with a new cursor
  const open = () => {
    const socket = new WebSocket(`ws://127.0.0.1:${isReachable ? port : 1}/live`, {
      headers: { authorization: `Bearer ${laptop.token({ sub: newId(), scope: "admin" })}` },
    });
    socket.on("message", (data: Buffer) => {
      if (data.includes('"caught_up"')) caughtUp++;
    });
    return socket;
  };
  /** The second answer from now belongs to a subscribe frame that is sent from now on. */
  const subscribesAgain = async () => {
    const before = caughtUp;
    await until(() => caughtUp >= before + 2, "two more answers", 30_000);
  };
  const client = follow(open, "items", cursor);
  closing.push(() => client.stop());
  await create(5);
  await until(() => client.versions.size === 8, "all changes");
  await subscribesAgain(); // so it has moved its cursor on
  isReachable = false;
  await laptop.close();
  await rm(live, { recursive: true });
  await cp(copy, live, { recursive: true });

  laptop = await start(port);
  await create(8); // beyond the number that the client has
  await eventually(seen(11), "the new changes to be in the log");
  isReachable = true;
  await until(() => client.resets > 0, "a reset", 30_000);
  await subscribesAgain(); // with a cursor of the new log
  expect(client.resets).toBe(1);
}, 120_000);
