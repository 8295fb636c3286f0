import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createLineLog } from "./line-log.ts";

test("lines of one turn are one write, in their order", async () => {
  const writes: string[] = [];
  const line = createLineLog((text) => writes.push(text));
  line("a");
  await Promise.resolve();
  line("b");
  expect(writes).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  line("c");
  await new Promise((resolve) => setImmediate(resolve));
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
