import { expect, test } from "vitest";
import { createWakeSignal } from "./wake-signal.ts";

test("a notification wakes all that wait, and those that begin to wait after it", async () => {
  const signal = createWakeSignal();
  const { count } = signal;
  const waiting = Promise.all([signal.wait(count, 60_000), signal.wait(count, 60_000)]);
  signal.notify();
  await waiting;
  await signal.wait(count, 60_000);
  expect(signal.count).not.toBe(count);
});

test("without a notification a wait ends after its timeout", async () => {
  const signal = createWakeSignal();
  const { count } = signal;
  await signal.wait(count, 5);
  expect(signal.count).toBe(count);
});
