import { expect, test } from "vitest";
import { createPulse } from "./pulse.ts";

test("a beat wakes all who wait, and one that came before they did", async () => {
  const pulse = createPulse();
  const { count } = pulse;
  const waiting = Promise.all([pulse.wait(count, 60_000), pulse.wait(count, 60_000)]);
  pulse.beat();
  await waiting;
  await pulse.wait(count, 60_000);
  expect(pulse.count).not.toBe(count);
});

test("without a beat the time is up some day", async () => {
  const pulse = createPulse();
  const { count } = pulse;
  await pulse.wait(count, 5);
  expect(pulse.count).toBe(count);
});
