import { expect, test } from "vitest";
import { createProgress } from "./progress.ts";

const record = (isTTY: boolean, columns?: number) => {
  let [text, time] = ["", 0];
  const terminal = { isTTY, ...(columns && { columns }), write: (more: string) => (text += more) };
  const progress = createProgress(terminal, () => time);
  return { progress, wait: (ms: number) => (time += ms), text: () => text };
};

test("a terminal shows one line that changes and fits", () => {
  const { progress, wait, text } = record(true, 12);
  progress.show("too early");
  wait(100);
  progress.show("1 of 2, and much more");
  wait(10);
  progress.end("2 of 2");
  expect(text()).toBe("\r\u001B[K1 of 2, and\r\u001B[K2 of 2\n");
});

test("a file gets a line every five seconds, and the last one", () => {
  const { progress, wait, text } = record(false);
  for (let n = 0; n < 5; n++) {
    progress.show(`${n}`);
    wait(2500);
  }
  progress.end("all");
  expect(text()).toBe("2\n4\nall\n");
});
