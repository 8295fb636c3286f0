import { AppError } from "@stockwire/core/error";
import { expect, test } from "vitest";
import { createLog } from "./log.ts";

test("a logged error says why DynamoDB throttled", () => {
  const ThrottlingReasons = [
    { reason: "TableWriteKeyRangeThroughputExceeded", resource: "arn:aws:dynamodb:…:table/Data" },
  ];
  const cause = Object.assign(new Error("slow down"), { ThrottlingReasons }); // as the SDK throws it
  const lines: string[] = [];
  const log = createLog("info", "http", (line) => void lines.push(line));
  log.error("unavailable", new AppError("unavailable", "later", { cause }), {});
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    error: { name: "AppError", cause: { message: "slow down", throttling: ThrottlingReasons } },
  });
});
