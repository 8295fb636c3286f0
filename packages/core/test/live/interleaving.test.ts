import { marshall } from "@aws-sdk/util-dynamodb";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { type Change, type NewChange, fromImages } from "../../src/changes/change.ts";
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

/**
 * Writers, appenders, subscribers and readers, the code itself, in every order in which their calls
 * can reach the store: no order loses a change. And the same with two steps of one of them in the
 * wrong order: then there is one that does, so this would show it.
 */

const { client, settle, restore, read } = memory();
const names = { tableName: "Data", changes: "Changes", connections: "Connections" };
const configure = (to = client) =>
  DynamoDB.configure({ client: scheduled(to), ...names, shards: SHARDS });

let id = "";
let created: NewChange;
/** The position before each schedule. */
let since = "";
const stored = () => read(names.tableName, { pk: `ITEM#${shardOf(id)}`, sk: id });

/** Frames go nowhere but here, at once: in which order they travel is no matter of the store's. */
vi.mock(import("../../src/live/send.ts"), async (original) => ({
  ...(await original()),
  send: ({ id: connection }, frame) => (receive(connection, frame), Promise.resolve("sent")),
}));

/** What each connection was told, live or in replay. */
const inbox = new Map<string, Change[]>();
const receive = (connection: string, frame: string) => {
  const { events = [] } = JSON.parse(frame) as { events?: Change[] };
  inbox.set(connection, [...(inbox.get(connection) ?? []), ...events]);
};
const told = (connection: string) => inbox.get(connection) ?? [];

beforeAll(async () => {
  use();
  configure();
  id = (await Item.create({ n: 0 }, by())).value.id;
  created = await changeOf(undefined);
  await ChangeLog.append([created], soon());
  since = Offset.encode(await ChangeLog.heads(["items"]));
  settle();
});

/** The change that the stream has of the record, which was as `old`. */
async function changeOf(old: DynamoDB.Attributes | undefined): Promise<NewChange> {
  const change = await fromImages(old && marshall(old), marshall(stored() ?? {}));
  if (change === undefined) throw new Error("the record has not changed");
  return change;
}

/** Changes the record, in one step as nobody else does, and gives what its stream has of it. */
function write(n: number): Promise<NewChange> {
  const partitions = new Set([`ITEM#${shardOf(id)}`]);
  const change = async () => {
    const old = stored();
    await Item.patch(id, { n }, by());
    return changeOf(old);
  };
  return step(change, { partitions, reads: false });
}

const announce = async (entries: readonly NewChange[]) =>
  void (await deliver(await ChangeLog.append(entries, soon())));

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

/** A connection that has been at a position, and comes back. */
const subscriber = (name: string, from = () => since, text = "items") =>
  subscribe(connectionOf(name), topicsOf(text), from(), {
    tell: () => Promise.resolve(true),
    send: (frame) => (receive(name, frame), Promise.resolve(true)),
  });

/** Reads the record, and listens to what becomes of it from the cursor that came with it. */
async function reader(name: string) {
  const cursor = await ChangeLog.cursorBefore(["items"]);
  const record = await Item.get(id);
  await subscriber(name, () => cursor, `items/${id}`);
  return record;
}

const writer = async () => announce([await write(1)]);

const headOf = () => Number(read(names.changes, { pk: "HEAD#items", sk: "HEAD" })?.["seq"]);

/** All changes since the position were told. */
const missed = (name: string): string | undefined => {
  const seqs = new Set(told(name).map(({ seq }) => seq));
  const head = headOf();
  for (let seq = 2; seq <= head; seq++)
    if (!seqs.has(seq)) return `${name} misses ${seq} of ${head}`;
  return undefined;
};

/** The record as it was read, and then as it was told, is the record as it is. */
const outdated = (name: string, record: Item.Info | undefined): string | undefined => {
  const known = [record, ...told(name).map(({ data }) => data)] as (Item.Info | undefined)[];
  const newest = known.reduce((a, b) => ((b?.version ?? 0) > (a?.version ?? 0) ? b : a));
  const version = stored()?.["version"];
  return newest?.version === version
    ? undefined
    : `${name} knows ${newest?.version} of ${String(version)}`;
};

async function fresh() {
  restore();
  ChangeLog.reset();
  inbox.clear();
  await ChangeLog.append([created], soon()); // the appender has seen where the head is
}

type Wishes = Parameters<typeof explore>[1];

const withSubscriber = (
  writing: () => Promise<unknown>,
  listening = () => subscriber("subscriber"),
  wish: Wishes = {},
) =>
  explore(async () => {
    await fresh();
    return { processes: [writing, listening], verdict: () => missed("subscriber") };
  }, wish);

const withReader = (
  writing: () => Promise<unknown>,
  reading = () => reader("reader"),
  wish: Wishes = {},
) =>
  explore(async () => {
    await fresh();
    let record: Item.Info | undefined;
    const processes = [writing, async () => (record = await reading())];
    return { processes, verdict: () => outdated("reader", record) };
  }, wish);

const withBoth = (writing: () => Promise<unknown>, wish: Wishes) =>
  explore(async () => {
    await fresh();
    let record: Item.Info | undefined;
    return {
      processes: [
        writing,
        () => subscriber("subscriber"),
        async () => (record = await reader("reader")),
      ],
      verdict: () => missed("subscriber") ?? outdated("reader", record),
    };
  }, wish);

/** A change that the stream delivers to two appenders at once. */
const twice = (wish: Wishes) =>
  explore(async () => {
    await fresh();
    const entry = await write(1);
    const announcer = () => announce([entry]);
    return {
      processes: [announcer, announcer, () => subscriber("subscriber")],
      verdict: () => missed("subscriber") ?? (headOf() === 2 ? undefined : "it is there twice"),
    };
  }, wish);

/** A writer that writes again while what it wrote is announced. */
async function goingOn() {
  const entries = [Promise.withResolvers<NewChange>(), Promise.withResolvers<NewChange>()];
  const writes = async () => {
    for (const [n, { resolve }] of entries.entries()) resolve(await write(n + 1));
  };
  const announces = async () => {
    for (const { promise } of entries) await announce([await promise]);
  };
  await Promise.all([writes(), announces()]);
}

const NONE = { lossy: 0, example: undefined };

/** All of them take a minute; else those are left out that only swap steps that commute. */
const wishes = { reduced: process.env["SCHEDULES"] !== "all" };
const lossless = (all: number, reduced: number) => ({
  ...NONE,
  schedules: wishes.reduced ? reduced : all,
});

describe("A-40: no schedule loses a change:", () => {
  test("of a writer and a subscriber, and of a writer and a reader", async () => {
    expect(await withSubscriber(writer)).toEqual({ ...NONE, schedules: 50 });
    expect(await withReader(writer)).toEqual({ ...NONE, schedules: 208 });
  });

  test("of a writer whose change is announced, a subscriber and a reader", async () => {
    expect(await withBoth(writer, wishes)).toEqual(lossless(30_400, 24));
  }, 120_000);

  test("of a change that two deliveries of the stream announce at once", async () => {
    expect(await twice(wishes)).toEqual(lossless(6_240, 18));
  }, 60_000);

  test("of a writer who goes on while what it wrote is announced", async () => {
    expect(await withSubscriber(goingOn)).toEqual({ ...NONE, schedules: 2_216 });
    expect(await withReader(goingOn, undefined, wishes)).toEqual(lossless(17_964, 36));
    const { lossy, schedules: some } = await withBoth(goingOn, { reduced: true });
    expect([lossy, some]).toEqual([0, 288]);
  }, 60_000);

  test("and those that are left out end as one that is not", async () => {
    const endings = async (wish: Wishes) => {
      const met = new Set<string>();
      await explore(async () => {
        await fresh();
        const verdict = () => {
          const seqs = told("subscriber").map(({ seq }) => seq);
          return void met.add(JSON.stringify(seqs.toSorted((a, b) => a - b)));
        };
        return { processes: [goingOn, () => subscriber("subscriber")], verdict };
      }, wish);
      return [...met].toSorted();
    };
    const all = await endings({});
    expect(all.length).toBeGreaterThan(2);
    expect(await endings({ reduced: true })).toEqual(all);
  });
});

/** Of all schedules, and of those that differ in more than steps that commute. */
async function lossesOf(look: (wish: Wishes) => ReturnType<typeof explore>) {
  const [all, some] = [await look({}), await look({ reduced: true })];
  expect(some.lossy > 0).toBe(all.lossy > 0);
  expect(some.schedules).toBeLessThan(all.schedules);
  return [all.lossy, all.schedules];
}

describe("a schedule that loses a change is found where", () => {
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
    const toldFirst = async () => {
      const entry = await write(1);
      const found: string[] = [];
      for (const key of keysOf({ ...entry, seq: 0 })) {
        for await (const page of Connection.subscribers(key)) {
          found.push(...page.map((one) => one.id));
        }
      }
      const frames = eventFrames(await ChangeLog.append([entry], soon()), () => true);
      for (const each of found) for (const frame of frames) receive(each, frame);
    };
    const losses = await lossesOf((of) => withSubscriber(toldFirst, undefined, of));
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

test("all schedules are explored, each once; reduced, one of those that only swap steps", async () => {
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
