import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";

test("the example of the README runs", async () => {
  const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
  const [, example = ""] = /```ts\n(.+?)```/s.exec(readme) ?? [];
  const code = example.replace("port: 3000", "port: 0");
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", code], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill());
  const [url] = (await once(child.stdout, "data")) as [Buffer];
  const response = await fetch(url.toString().trim());
  expect(await response.json()).toEqual({ hello: "world" });
});
