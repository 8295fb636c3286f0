import { expect, test } from "vitest";
import { schedule } from "./schedule.ts";

test("the handler is called repeatedly, never concurrently, and also after a failure", async () => {
  let calls = 0;
  let running = 0;
  const failures: unknown[] = [];
  await new Promise<void>((resolve) => {
    const calling = schedule(
      async () => {
        expect(++running).toBe(1);
        await new Promise((done) => setImmediate(done));
        running--;
        if (++calls === 3) throw new Error("third");
        if (calls === 6) {
          calling.stop();
          resolve();
        }
      },
      { everyMs: 1, onError: (error) => failures.push(error) },
    );
  });
  expect(failures).toEqual([new Error("third")]);
});
