import type { Defect } from "../defect.ts";

const CLIENT = "packages/client/src";
const TEST = "packages/client/test";
const LIVE = (title: string) => ({ file: `${TEST}/live.test.ts`, title });
const HTTP = (title: string) => ({ file: `${TEST}/http.test.ts`, title });
const MAP = (title: string) => ({ file: `${TEST}/collection.test.ts`, title });

export const client: Defect[] = [
  {
    file: `${CLIENT}/live/tracker.ts`,
    text: "if (seq <= watermark || delivered.has(seq)) return;",
    replacement: "if (delivered.has(seq)) return;",
    harm: "Each repeated change makes the client ask the server for a replay",
    test: LIVE("delivers each change once, however often it arrives"),
  },
  {
    file: `${CLIENT}/live/tracker.ts`,
    text: "if (next === undefined || !deliver(next)) return;\n      watermark = next.seq;\n      since = next.cursor;",
    replacement: "if (next === undefined || !deliver(next)) return;\n      watermark = next.seq;",
    harm: "After a lost connection all changes since the start are sent again",
    test: LIVE("asks only for what follows its last change"),
  },
  {
    file: `${CLIENT}/live/tracker.ts`,
    text: "      since,\n      subscribed: whileOpen",
    replacement: "      since: undefined,\n      subscribed: whileOpen",
    harm: "A client that was away does not get the changes that it missed",
    test: LIVE("resumes from its last change after a lost connection"),
  },
  {
    file: `${CLIENT}/live/tracker.ts`,
    text: "const next = buffer.get(watermark + 1);",
    replacement: "const [next] = buffer.inOrder();",
    harm: "A client goes on over a gap, and never gets the change in it",
    test: LIVE("asks for a replay from the last change before a gap"),
  },
  {
    file: `${CLIENT}/live/tracker.ts`,
    text: "if (!whole || !arrived || !moved) port.subscribe();",
    replacement: "",
    harm: "The last change of a burst is lost until the next one",
    test: LIVE("finds a lost last change by a pong, and asks once"),
  },
  {
    file: `${CLIENT}/live/connector.ts`,
    text: "this.#failures = lasted > STABLE ? 1 : this.#failures + 1;",
    replacement: "this.#failures = 1;",
    harm: "All clients reconnect twice a second to a server that ends them at once",
    test: LIVE("waits longer after each connection that ends at once"),
  },
  {
    file: `${CLIENT}/live/connector.ts`,
    text: "    this.#failures++;\n",
    replacement: "",
    harm: "All clients ask a server that is down without a pause",
    test: LIVE("asks for another token after a refused handshake, and waits longer each time"),
  },
  {
    file: `${CLIENT}/live/connector.ts`,
    text: 'if (pong === undefined) socket.close(SILENT, "no answer to a ping");',
    replacement: "",
    harm: "A client on a dead network shows old data for hours",
    test: LIVE("replaces a connection that does not answer a ping"),
  },
  {
    file: `${CLIENT}/live/connector.ts`,
    text: 'if (frame.type === "goaway") void this.#handOver();',
    replacement: "",
    harm: "A client loses its connection after two hours and misses messages meanwhile",
    test: LIVE("hands over to a second connection at goaway"),
  },
  {
    file: `${CLIENT}/live/handshake.ts`,
    text: "if (!wasOpen) refuse();",
    replacement: "",
    harm: "A client with an expired token tries the same token for ever",
    test: LIVE("asks for another token after a refused handshake"),
  },
  {
    file: `${CLIENT}/live/change-buffer.ts`,
    text: "if (changes.size <= limit) return;",
    replacement: "if (changes.size >= 0) return;",
    harm: "A client behind a gap collects changes until its memory is full",
    test: { file: `${TEST}/buffer.test.ts`, title: "keeps the changes that are due first" },
  },
  {
    file: `${CLIENT}/live/subscription.ts`,
    text: "this.#full ||= this.#items.length >= MAX_WAITING;",
    replacement: "this.#full ||= this.#items.length < 0;",
    harm: "A slow reader collects changes until its memory is full",
    test: { file: `${TEST}/buffer.test.ts`, title: "takes 1 000 changes and refuses all others" },
  },
  {
    file: `${CLIENT}/live/collection.ts`,
    text: "if (version <= Math.max(previous?.version ?? 0, this.#removed.get(id) ?? 0)) return;",
    replacement: "if (version <= (this.#removed.get(id) ?? 0)) return;",
    harm: "A page returns to an older version of a record",
    test: {
      file: `${TEST}/collection.test.ts`,
      title: "keeps a version that is newer than that of a list",
    },
  },
  {
    file: `${CLIENT}/live/collection.ts`,
    text: "if (version !== undefined) this.#rememberRemoved(id, version);",
    replacement: "",
    harm: "A page shows a deleted record again",
    test: MAP("does not restore a deleted record when an older change arrives late"),
  },
  {
    file: `${CLIENT}/live/collection.ts`,
    text: "reset: ({ reason }) => void this.#load(reason),",
    replacement: "reset: () => undefined,",
    harm: "A page keeps old records after changes were lost",
    test: MAP("loads again after a reset, and notifies about the differences"),
  },
  {
    file: `${CLIENT}/http.ts`,
    text: 'const repeatable = method === "GET" || headers.has("Idempotency-Key");',
    replacement: "const repeatable = true;",
    harm: "A PUT without a key is repeated over another caller's change",
    test: HTTP("never retries a PUT without a key"),
  },
  {
    file: `${CLIENT}/http.ts`,
    text: 'headers.set("Idempotency-Key", randomKey());',
    replacement: "",
    harm: "An order that is sent again after a lost answer is made twice",
    test: HTTP("uses one idempotency key for all tries of a call"),
  },
  {
    file: `${CLIENT}/http.ts`,
    text: "timers.now() + pause > latest ||",
    replacement: "",
    harm: "A call waits for minutes although its caller has given up",
    test: HTTP("stops after the last retry, and before a wait that is too long"),
  },
  {
    file: `${CLIENT}/http.ts`,
    text: "bearer = await tokenOf(bearer);",
    replacement: "bearer = await tokenOf();",
    harm: "A caller's cache answers with the token that was just refused",
    test: HTTP("asks for a fresh token after a 401, once per call"),
  },
  {
    file: `${CLIENT}/http.ts`,
    text: 'cursor ??= response.headers.get("Feed-Cursor");',
    replacement: 'cursor = response.headers.get("Feed-Cursor");',
    harm: "A record that changes while a list is read stays old in the list",
    test: HTTP("reads all pages of a list, and keeps the cursor of the first page"),
  },
];
