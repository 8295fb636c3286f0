import { describe, expect, test } from "vitest";
import { ACTIONS, ClientFrame, ServerFrame } from "@stockwire/core/live/protocol";
import {
  clientFrameFault,
  examplesOf,
  expectClientFrame,
  expectFrame,
  frameFault,
} from "./asyncapi.ts";

/** Members of a frame that are wrong, one at a time. */
type Bad = readonly Record<string, unknown>[];

const notTexts = [undefined, null, 1, ["a"], {}];
const notTimes = [undefined, "", "yesterday", 1_763_700_000, "2026-02-30T00:00:00.000Z"];
const notLists = [undefined, null, "products", {}, [1]];
const notCursors = [undefined, null, "", "x".repeat(2_049)];
const each = (member: string, values: readonly unknown[]): Bad =>
  values.map((value) => ({ [member]: value }));

const badTopics = each("topics", [
  ...notLists,
  [],
  [""],
  ["x".repeat(1_025)],
  Array(101).fill("a"),
]);
const badChannel = [null, "", "a b", "a/b", "x".repeat(65)];

const badOfClient: Record<ClientFrame["action"], Bad> = {
  hello: [{ name: "ana" }],
  subscribe: [...badTopics, ...each("since", [null, "", "x".repeat(2_049)]), { topic: "users" }],
  unsubscribe: [...badTopics, { since: "a" }],
  ping: [{ at: 1 }],
  message: [
    ...each("message", [undefined, "", 1, "x".repeat(4_097)]),
    ...each("channel", badChannel),
    { to: "lobby" },
  ],
  join: each("channel", [undefined, ...badChannel]),
  leave: each("channel", [undefined, ...badChannel]),
  auth: each("token", [undefined, "", 1, "x".repeat(8_193)]),
};

const exampleOf = (type: ServerFrame["type"]) => examplesOf("Server").get(type) ?? {};
const [change] = exampleOf("events")["events"] as Record<string, unknown>[];
const badChanges = [
  ...each("feed", [undefined, "orders"]),
  ...each("seq", [undefined, 0, -1, 1.5, "1"]),
  ...each("cursor", [undefined, 1]),
  ...each("op", [undefined, "upsert"]),
  ...each("id", notTexts),
  ...each("version", [undefined, 0, "7"]),
  ...each("at", notTimes),
  ...each("actor", notTexts),
  ...each("requestId", notTexts),
  ...each("clientRef", [null, 1]),
  ...each("changed", [undefined, "price", [1]]),
  ...each("before", [null, [], "x"]),
  ...each("data", [null, [], "x"]),
  { truncated: false },
  { was: "CATEGORY#books" },
].map((wrong) => ({ ...change, ...wrong }));

const cursors = each("cursor", notCursors);
const heads = each("heads", [undefined, null, [], { products: 1 }, { products: "" }]);
const limits = exampleOf("welcome")["limits"] as Record<string, unknown>;

const badOfServer: Record<ServerFrame["type"], Bad> = {
  welcome: [
    ...each("connectionId", notTexts),
    ...each("sub", notTexts),
    ...each("scopes", notLists),
    ...each("authExpiresAt", notTimes),
    ...each("limits", [
      undefined,
      {},
      ...Object.keys(limits).map((name) => ({ ...limits, [name]: undefined })),
      { ...limits, topics: "100" },
      { ...limits, connections: 20 },
    ]),
  ],
  subscribed: [...each("topics", notLists), ...cursors],
  reset: [...each("topics", notLists), ...each("reason", [undefined, "because"]), ...cursors],
  events: [
    ...each("events", [undefined, null, change, Array(101).fill(change)]),
    ...each(
      "events",
      badChanges.map((wrong) => [change, wrong]),
    ),
    ...cursors.filter(({ cursor }) => cursor !== undefined),
    { replyTo: "2" },
  ],
  caught_up: [...cursors, { topics: ["users"] }],
  unsubscribed: each("topics", notLists),
  pong: heads,
  goaway: heads,
  joined: each("channel", notTexts),
  left: each("channel", notTexts),
  message: [
    ...each("id", notTexts),
    ...each("from", notTexts),
    ...each("sub", notTexts),
    ...each("channel", notTexts),
    ...each("message", notTexts),
    ...each("at", notTimes),
  ],
  ack: each("authExpiresAt", notTimes),
  error: [
    ...each("code", [undefined, "oops", 1]),
    ...each("detail", notTexts),
    ...each("topics", [null, "users", [1]]),
    ...each("errors", [null, ["wrong"], [{ pointer: "/id" }], [{ code: "a", detail: "b" }]]),
    { status: 400 },
  ],
};

/** As it would be sent: a member that is undefined is not. */
const sent = (frame: object): unknown => JSON.parse(JSON.stringify(frame));

const strangers = [
  undefined,
  null,
  "ping",
  1,
  [],
  {},
  { type: "nope" },
  { action: "nope" },
  { type: null },
  { action: ["ping"] },
  { type: "toString", action: "toString" },
];

describe("a client frame", () => {
  test.each([...examplesOf("Client")])("%s: as in its example, and nothing else", (name, good) => {
    expectClientFrame(good);
    expect(ClientFrame.safeParse(good).success).toBe(true);
    for (const wrong of [...badOfClient[name as ClientFrame["action"]], { id: 1 }, { x: 1 }]) {
      const bad = sent({ ...good, ...wrong });
      expect([wrong, clientFrameFault(bad)]).toEqual([wrong, expect.any(String)]);
      // The document refuses what the parser does.
      expect([wrong, ClientFrame.safeParse(bad).success]).toEqual([wrong, false]);
    }
  });

  test("has a known action", () => {
    for (const stranger of strangers)
      expect(clientFrameFault(stranger)).toMatch(/^(?:not|unknown)/);
    expect([...examplesOf("Client").keys()]).toEqual(ACTIONS);
  });
});

describe("a server frame", () => {
  test.each([...examplesOf("Server")])("%s: as in its example, and nothing else", (name, good) => {
    expectFrame(good);
    expect(ServerFrame.safeParse(good).success).toBe(true);
    for (const wrong of [...badOfServer[name as ServerFrame["type"]], { replyTo: 1 }, { x: 1 }]) {
      const bad = sent({ ...good, ...wrong });
      expect([wrong, frameFault(bad)]).toEqual([wrong, expect.any(String)]);
    }
  });

  test("has a known type", () => {
    for (const stranger of strangers) expect(frameFault(stranger)).toMatch(/^(?:not|unknown)/);
  });

  test("may leave out optional members, and have a token without expiry", () => {
    expectFrame({ type: "ack", authExpiresAt: null });
    expectFrame({ type: "error", code: "internal", detail: "This failed on our side" });
    const { before: _before, data: _data, clientRef: _clientRef, ...short } = change ?? {};
    expectFrame({ type: "events", events: [{ ...short, truncated: true }], cursor: "a" });
  });

  test("that is invalid is reported with its fault", () => {
    expect(() => expectFrame({ type: "joined" })).toThrow("must have required property 'channel'");
  });
});
