import { expect, test } from "vitest";
import type { Change } from "../catalog.ts";
import { EVERYTHING, linesOf, newestOf, passes } from "./filter.ts";

const change = (feed: Change["feed"], seq: number, at = seq): Change => ({
  feed,
  seq,
  cursor: "",
  op: "update",
  id: `${feed}-${seq}`,
  version: 1,
  at: new Date(at * 1000).toISOString(),
  actor: "Ana",
  requestId: "",
  changed: [],
});

test("a filter takes parts of the record's id and of the actor, without regard to case", () => {
  const one = change("users", 7);
  expect(passes(EVERYTHING, one)).toBe(true);
  expect(passes({ record: " USERS-7 ", actor: "" }, one)).toBe(true);
  expect(passes({ record: "", actor: "an" }, one)).toBe(true);
  expect(passes({ record: "users-7", actor: "bob" }, one)).toBe(false);
  expect(passes({ record: "users-8", actor: "" }, one)).toBe(false);
});

test("the newest of several feeds are merged by time, and each feed keeps its order", () => {
  const users = [change("users", 1), change("users", 2, 9), change("users", 3, 8)];
  const items = [change("items", 5, 2), change("items", 6, 8.5)];
  const ids = (count: number) => newestOf([users, items, []], count).map(({ id }) => id);
  expect(ids(10)).toEqual(["items-6", "users-3", "users-2", "items-5", "users-1"]);
  expect(ids(2)).toEqual(["items-6", "users-3"]);
});

test("an export has one change on each line, oldest first", () => {
  const lines = linesOf([change("users", 2), change("users", 1)])
    .trimEnd()
    .split("\n");
  expect(lines.map((line) => (JSON.parse(line) as Change).seq)).toEqual([1, 2]);
});
