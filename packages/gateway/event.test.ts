import { expect, test } from "vitest";
import { logTime } from "./event.ts";

test("the log has each request's own second, in any order of requests", () => {
  const at = Date.parse("2025-04-14T22:13:56.999Z");
  expect(logTime(at)).toBe("14/Apr/2025:22:13:56 +0000");
  expect(logTime(at - 999)).toBe("14/Apr/2025:22:13:56 +0000");
  expect(logTime(at + 1)).toBe("14/Apr/2025:22:13:57 +0000");
  expect(logTime(at)).toBe("14/Apr/2025:22:13:56 +0000");
});
