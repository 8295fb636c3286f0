import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { createLineLog } from "./line-log.ts";

test("lines of 10 ms are one write, in their order", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const writes: string[] = [];
  const line = createLineLog((text) => writes.push(text));
  line("a");
  vi.advanceTimersByTime(9);
  line("b");
  expect(writes).toEqual([]);
  vi.advanceTimersByTime(1);
  line("c");
  vi.advanceTimersByTime(10);
  expect(writes).toEqual(["a\nb\n", "c\n"]);
});

test.each(["process.exit(3)", "throw new Error('x')"])("no line is lost at %s", (end) => {
  const file = join(import.meta.dirname, "line-log.ts");
  const program = `import { createLineLog } from ${JSON.stringify(file)};
    createLineLog((text) => process.stdout.write(text))("the last line");
    ${end};`;
  const args = ["--input-type=module", "--eval", program];
  expect(spawnSync(process.execPath, args, { encoding: "utf8" }).stdout).toBe("the last line\n");
});
