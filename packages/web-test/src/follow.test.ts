import { expect, test } from "vitest";
import { follow } from "./follow.ts";

type Live = Parameters<typeof follow>[0];
type Handlers = Parameters<Live["subscribe"]>[1];

/** A live client of which the test decides when a subscription begins. */
function fakeLive() {
  const ready = Promise.withResolvers<void>();
  let handlers: Handlers | undefined;
  let closed = 0;
  const live: Live = {
    subscribe(_, given) {
      handlers = given;
      return { ready: ready.promise, close: () => void closed++ };
    },
  };
  return {
    live,
    begin: async () => {
      ready.resolve();
      await ready.promise;
    },
    refuse: async () => {
      ready.reject(new Error("refused"));
      await ready.promise.catch(() => undefined);
    },
    reset: () => handlers?.reset(),
    closed: () => closed,
  };
}

function followed() {
  const fake = fakeLive();
  let reads = 0;
  let begins = 0;
  const close = follow(fake.live, "items/a", {
    event: () => undefined,
    read: () => void reads++,
    begun: () => void begins++,
  });
  return { ...fake, close, reads: () => reads, begins: () => begins };
}

test("reads at once, and again when the subscription has begun and after lost changes", async () => {
  const { reads, begin, begins, reset } = followed();
  expect([reads(), begins()]).toEqual([1, 0]);
  await begin();
  expect(reads()).toBe(2);
  await expect.poll(begins).toBe(1);
  reset();
  expect(reads()).toBe(3);
});

test("a refused subscription leaves what was read", async () => {
  const { reads, refuse } = followed();
  await refuse();
  expect(reads()).toBe(1);
});

test("reads nothing more after it was closed", async () => {
  const { reads, begin, reset, close, closed } = followed();
  close();
  await begin();
  reset();
  expect(reads()).toBe(1);
  expect(closed()).toBe(1);
});
