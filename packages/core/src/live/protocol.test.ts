import { expect, test } from "vitest";
import { ClientFrame, MAX_TOPICS } from "./protocol.ts";

test("the topics of a frame fit a reply that repeats them, in bytes of JSON", () => {
  const bytesOf = (frame: object) => Buffer.byteLength(JSON.stringify(frame));
  for (const [character, length] of [
    ["x", 1_024],
    ["中", 1_024],
    ["中", 390],
    ["\u0001", 1_024],
    ["\u0001", 190],
  ] as const) {
    const topics = Array.from({ length: MAX_TOPICS }, () => character.repeat(length));
    const reply = { type: "subscribed", topics, cursor: "c".repeat(2_048), replyTo: "\u0001" };
    const { success } = ClientFrame.safeParse({ action: "subscribe", topics });
    expect([character, length, success]).toEqual([character, length, bytesOf(reply) <= 128 * 1024]);
  }
});
