/**
 * Runs writers, appenders, subscribers and readers in every order in which their calls can reach
 * the store: no order loses a change. With two steps of one of them swapped some order does, which
 * shows that these tests would find such a bug.
 */

import { marshall } from "@aws-sdk/util-dynamodb";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { type Change, type NewChange, fromImages } from "../../src/changes/change.ts";
import { append } from "../../src/changes/append.ts";
import * as ChangeLog from "../../src/changes/log.ts";
import * as Connection from "../../src/live/connection.ts";
import { deliver } from "../../src/live/fan-out.ts";
import { eventFrames } from "../../src/live/protocol.ts";
import * as Item from "../../src/catalog/item.ts";
import * as Offset from "../../src/changes/offset.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { subscribe } from "../../src/live/subscription.ts";
import { shardOf } from "../../src/store/record.ts";
import { keysOf, parse, type Topic } from "../../src/changes/topic.ts";
import { type Command, intercepted } from "../support/intercept.ts";
import { soon } from "../support/log.ts";
import { memory } from "../support/memory-store.ts";
import { explore, scheduled, step } from "../support/schedule.ts";
import { by, SHARDS, use } from "../support/store.ts";

const { client, settle, restore, read } = memory();
const names = { tableName: "Data", changes: "Changes", connections: "Connections" };
/** No process here replaces a token (renewal.test.ts), so reading it is no step. */
const readsToken = ({ operation, input }: Command) =>
  operation === "GetItem" && input["Key"]?.sk === "CONNECTION";
const configure = (to = client) =>
  DynamoDB.configure({ client: scheduled(to, readsToken), ...names, shards: SHARDS });

let id = "";
let created: NewChange;
/** The cursor before each schedule. */
let since = "";
const stored = () => read(names.tableName, { pk: `ITEM#${shardOf(id)}`, sk: id });

/** Frames are received immediately, since the order of the network is not a matter of the store. */
vi.mock(import("../../src/live/send.ts"), async (original) => ({
  ...(await original()),
  send: ({ id: connection }, frame) => (receive(connection, frame), Promise.resolve("sent")),
}));

/** The changes that each connection has received, live or replayed. */
const inbox = new Map<string, Change[]>();
const receive = (connection: string, frame: string) => {
  const { events = [] } = JSON.parse(frame) as { events?: Change[] };
  inbox.set(connection, [...(inbox.get(connection) ?? []), ...events]);
};
const receivedBy = (connection: string) => inbox.get(connection) ?? [];

beforeAll(async () => {
  use();
  configure();
  id = (await Item.create({ n: 0 }, by())).value.id;
  created = await changeOf(undefined);
  await append([created], soon());
  since = Offset.encode(await ChangeLog.heads(["items"]));
  settle();
});

/** Returns the change from `old` to the record as it is now, as the stream has it. */
async function changeOf(old: DynamoDB.Attributes | undefined): Promise<NewChange> {
  const change = await fromImages(old && marshall(old), marshall(stored() ?? {}));
  if (change === undefined) throw new Error("the record has not changed");
  return change;
}

/** Changes the record in one step, and returns the change as the stream has it. */
function write(n: number): Promise<NewChange> {
  const partitions = new Set([`ITEM#${shardOf(id)}`]);
  const change = async () => {
    const old = stored();
    await Item.patch(id, { n }, by());
    return changeOf(old);
  };
  return step(change, { partitions, reads: false });
}

const appendAndDeliver = async (changes: readonly NewChange[]) =>
  void (await deliver(await append(changes, soon())));

const connectionOf = (name: string): Connection.Connection => ({
  id: name,
  endpoint: "http://127.0.0.1:1",
  sub: name,
  kind: "user",
  scopes: ["read:items"],
  connectedAt: Date.now(),
});

const topicsOf = (...texts: string[]): Topic[] =>
  texts.map(parse).filter((topic) => topic !== undefined);

/** Subscribes a connection that resumes from a cursor. */
const subscriber = async (name: string, from = () => since, text = "items"): Promise<void> => {
  await subscribe(connectionOf(name), topicsOf(text), from(), {
    reply: () => Promise.resolve(true),
    send: (frame) => (receive(name, frame), Promise.resolve(true)),
  });
};

/** Reads the record, and subscribes to it from the cursor of the read. */
async function reader(name: string) {
  const cursor = await ChangeLog.cursorBefore(["items"]);
  const record = await Item.get(id);
  await subscriber(name, () => cursor, `items/${id}`);
  return record;
}

const writer = async () => appendAndDeliver([await write(1)]);

const headOf = () => Number(read(names.changes, { pk: "HEAD#items", sk: "HEAD" })?.["seq"]);

/** Says which change since the cursor was not received. */
const missed = (name: string): string | undefined => {
  const seqs = new Set(receivedBy(name).map(({ seq }) => seq));
  const head = headOf();
  for (let seq = 2; seq <= head; seq++)
    if (!seqs.has(seq)) return `${name} misses ${seq} of ${head}`;
  return undefined;
};

/** Says if the record as it was read and received is not the current one. */
const outdated = (name: string, record: Item.Info | undefined): string | undefined => {
  const known = [record, ...receivedBy(name).map(({ data }) => data)] as (Item.Info | undefined)[];
  const newest = known.reduce((a, b) => ((b?.version ?? 0) > (a?.version ?? 0) ? b : a));
  const version = stored()?.["version"];
  return newest?.version === version
    ? undefined
    : `${name} knows ${newest?.version} of ${String(version)}`;
};

async function reset() {
  restore();
  ChangeLog.reset();
  inbox.clear();
  await append([created], soon()); // the appender knows the head
}

type Options = Parameters<typeof explore>[1];

const withSubscriber = (
  writing: () => Promise<unknown>,
  listening = () => subscriber("subscriber"),
  options: Options = {},
) =>
  explore(async () => {
    await reset();
    return { processes: [writing, listening], verdict: () => missed("subscriber") };
  }, options);

const withReader = (
  writing: () => Promise<unknown>,
  reading = () => reader("reader"),
  options: Options = {},
) =>
  explore(async () => {
    await reset();
    let record: Item.Info | undefined;
    const processes = [writing, async () => (record = await reading())];
    return { processes, verdict: () => outdated("reader", record) };
  }, options);

const withBoth = (writing: () => Promise<unknown>, options: Options) =>
  explore(async () => {
    await reset();
    let record: Item.Info | undefined;
    return {
      processes: [
        writing,
        () => subscriber("subscriber"),
        async () => (record = await reader("reader")),
      ],
      verdict: () => missed("subscriber") ?? outdated("reader", record),
    };
  }, options);

/** A change that the stream delivers to two appenders concurrently. */
const deliveredTwice = (options: Options) =>
  explore(async () => {
    await reset();
    const entry = await write(1);
    const appender = () => appendAndDeliver([entry]);
    return {
      processes: [appender, appender, () => subscriber("subscriber")],
      verdict: () =>
        missed("subscriber") ?? (headOf() === 2 ? undefined : "the change is in the log twice"),
    };
  }, options);

/** A writer that writes again while its first change is appended and delivered. */
async function writeTwice() {
  const entries = [Promise.withResolvers<NewChange>(), Promise.withResolvers<NewChange>()];
  const writes = async () => {
    for (const [n, { resolve }] of entries.entries()) resolve(await write(n + 1));
  };
  const delivers = async () => {
    for (const { promise } of entries) await appendAndDeliver([await promise]);
  };
  await Promise.all([writes(), delivers()]);
}

const NONE = { lossy: 0, example: undefined };

/** All schedules take a minute; by default those are left out that only swap commuting steps. */
const exploration = { reduced: process.env["SCHEDULES"] !== "all" };
const lossless = (all: number, reduced: number) => ({
  ...NONE,
  schedules: exploration.reduced ? reduced : all,
});

describe("no schedule loses a change", () => {
  test("of a writer and a subscriber, and of a writer and a reader", async () => {
    expect(await withSubscriber(writer)).toEqual({ ...NONE, schedules: 50 });
    expect(await withReader(writer)).toEqual({ ...NONE, schedules: 208 });
  });

  test("of a writer, a subscriber and a reader", async () => {
    expect(await withBoth(writer, exploration)).toEqual(lossless(30_400, 24));
  }, 120_000);

  test("that the stream delivers twice concurrently", async () => {
    expect(await deliveredTwice(exploration)).toEqual(lossless(6_240, 18));
  }, 60_000);

  test("of a writer that writes again while its first change is delivered", async () => {
    expect(await withSubscriber(writeTwice)).toEqual({ ...NONE, schedules: 2_216 });
    expect(await withReader(writeTwice, undefined, exploration)).toEqual(lossless(17_964, 36));
    const { lossy, schedules: some } = await withBoth(writeTwice, { reduced: true });
    expect([lossy, some]).toEqual([0, 288]);
  }, 60_000);

  test("and those that are left out end like one that is not", async () => {
    const endings = async (options: Options) => {
      const met = new Set<string>();
      await explore(async () => {
        await reset();
        const verdict = () => {
          const seqs = receivedBy("subscriber").map(({ seq }) => seq);
          return void met.add(JSON.stringify(seqs.toSorted((a, b) => a - b)));
        };
        return { processes: [writeTwice, () => subscriber("subscriber")], verdict };
      }, options);
      return [...met].toSorted();
    };
    const all = await endings({});
    expect(all.length).toBeGreaterThan(2);
    expect(await endings({ reduced: true })).toEqual(all);
  });
});

/** Counts the losses of all schedules, and checks that the reduced ones find some as well. */
async function lossesOf(explored: (given: Options) => ReturnType<typeof explore>) {
  const [all, some] = [await explored({}), await explored({ reduced: true })];
  expect(some.lossy > 0).toBe(all.lossy > 0);
  expect(some.schedules).toBeLessThan(all.schedules);
  return [all.lossy, all.schedules];
}

describe("a schedule that loses a change is found if", () => {
  test("the head is read before the subscription is written", async () => {
    const headFirst = async () => {
      const { seqs } = await ChangeLog.heads(["items"]);
      await Connection.subscribe(connectionOf("subscriber"), topicsOf("items"));
      const head = seqs["items"] ?? 0;
      const { changes } = await ChangeLog.changesAfter("items", 1, 100);
      const wanted = changes.filter(({ seq }) => seq <= head);
      for (const frame of eventFrames(wanted, () => true)) receive("subscriber", frame);
    };
    const losses = await lossesOf((of) => withSubscriber(writer, headFirst, of));
    expect(losses).toEqual([8, 70]);
  });

  test("the subscriptions are read before the change is in the log", async () => {
    const subscriptionsFirst = async () => {
      const entry = await write(1);
      const found: string[] = [];
      for (const key of keysOf({ ...entry, seq: 0 })) {
        for await (const page of Connection.subscribers(key)) {
          found.push(...page.map((one) => one.id));
        }
      }
      const frames = eventFrames(await append([entry], soon()), () => true);
      for (const each of found) for (const frame of frames) receive(each, frame);
    };
    const losses = await lossesOf((of) => withSubscriber(subscriptionsFirst, undefined, of));
    expect(losses).toEqual([3, 15]);
  });

  test("the cursor of a read is taken after the record", async () => {
    const recordFirst = async () => {
      const record = await Item.get(id);
      const cursor = await ChangeLog.cursorBefore(["items"]);
      await subscriber("reader", () => cursor, `items/${id}`);
      return record;
    };
    const losses = await lossesOf((of) => withReader(writer, recordFirst, of));
    expect(losses).toEqual([10, 188]);
  });

  test.each([
    ["the subscriptions are", ({ input }: Command) => input["TableName"] === names.connections],
    ["the head is", ({ input }: Command) => input["Key"]?.pk === "HEAD#items"],
  ])("%s read eventually consistently", async (_, stale) => {
    configure(
      intercepted(client, (command, send) => {
        if (stale(command)) delete command.input["ConsistentRead"];
        return send();
      }),
    );
    const [lossy] = await lossesOf((of) => withSubscriber(writer, undefined, of));
    configure();
    expect(lossy).toBeGreaterThan(0);
  });
});

test("every schedule is explored once, or one of those that only swap commuting steps", async () => {
  const look = async (reduced: boolean, partition: (name: string) => string) => {
    const orders = new Set<string>();
    const { schedules } = await explore(
      () => {
        let order = "";
        const process = (name: string) => async () => {
          const footprint = { partitions: new Set([partition(name)]), reads: false };
          for (const n of [1, 2, 3]) {
            await step(() => Promise.resolve((order += name + n)), footprint);
          }
        };
        const verdict = () => void orders.add(order);
        return Promise.resolve({ processes: [process("a"), process("b"), process("c")], verdict });
      },
      { reduced },
    );
    expect(orders.size).toBe(schedules);
    return schedules;
  };
  expect(await look(false, () => "same")).toBe(1_680); // 9! / (3! 3! 3!)
  expect(await look(true, () => "same")).toBe(1_680);
  expect(await look(true, (name) => name)).toBe(1);
  expect(await look(true, (name) => (name === "c" ? "c" : "same"))).toBe(20); // 6! / (3! 3!)
});
