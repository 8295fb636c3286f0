import { afterAll, beforeAll, expect, test } from "vitest";
import type { Change } from "../../src/changes/change.ts";
import { append } from "../../src/changes/append.ts";
import { cursorBefore, heads, reset } from "../../src/changes/log.ts";
import * as Connection from "../../src/live/connection.ts";
import { deliver } from "../../src/live/fan-out.ts";
import { newId } from "../../src/id.ts";
import * as Offset from "../../src/changes/offset.ts";
import { subscribe } from "../../src/live/subscription.ts";
import { connectionOf, topicsOf } from "../support/live.ts";
import { newChange, soon } from "../support/log.ts";
import { type Management, management } from "../support/management.ts";
import { ownLog } from "../support/own-table.ts";

const ROUNDS = Number(process.env["RACE_ROUNDS"] ?? 100);
const WRITES = 3; // during each subscribe

let log: Awaited<ReturnType<typeof ownLog>>;
let sockets: Management;
beforeAll(async () => {
  log = await ownLog("race");
  sockets = await management();
});
afterAll(async () => {
  await sockets.close();
  await log.drop();
});

const eventsOf = (frames: readonly string[]) =>
  frames.flatMap((frame) => (JSON.parse(frame) as { events: Change[] }).events);

test(`a client that subscribes during writes misses no change, in ${ROUNDS} rounds`, async () => {
  let replayed = 0;
  let live = 0;
  for (let round = 0; round < ROUNDS; round++) {
    sockets.reset();
    reset();
    const id = newId();
    const since = round % 2 ? Offset.encode(await heads(["items"])) : await cursorBefore(["items"]);
    const connection = connectionOf({ endpoint: sockets.endpoint });
    const replay: string[] = [];
    const writing = async () => {
      for (let version = 1; version <= WRITES; version++) {
        await deliver(await append([newChange({ id, version })], soon()));
      }
    };
    const subscribing = async () => {
      // Starts at a different time each round: from before the first write until after the last.
      for (let delay = round % 12; delay > 0; delay--) await heads(["items"]);
      await subscribe(connection, topicsOf(`items/${id}`), since, {
        reply: () => Promise.resolve(true),
        send: (frame) => (replay.push(frame), Promise.resolve(true)),
      });
    };
    await Promise.all([writing(), subscribing()]);
    const received = eventsOf(sockets.frames(connection.id));
    const versions = new Set([...eventsOf(replay), ...received].map(({ version }) => version));
    expect({ round, versions }).toEqual({ round, versions: new Set([1, 2, 3]) });
    replayed += eventsOf(replay).length;
    live += received.length;
    await Connection.forget(connection.id);
  }
  // The rounds were races only if changes came both ways.
  expect(Math.min(replayed, live)).toBeGreaterThan(ROUNDS / 10);
}, 1_800_000);
