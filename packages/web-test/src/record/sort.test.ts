import { expect, test } from "vitest";
import { nextOrder, sorted } from "./sort.ts";

const columns = [
  { title: "Name", by: ({ name }: Row) => name },
  { title: "Price", by: ({ price }: Row) => price },
  { title: "Note" },
];
interface Row {
  name: string;
  price: number;
}
const rows: Row[] = [
  { name: "b", price: 10 },
  { name: "a", price: 9 },
  { name: "c", price: 10 },
];
const names = (title: string, direction: "ascending" | "descending") =>
  sorted(rows, columns, { title, direction })
    .map(({ name }) => name)
    .join("");

test("numbers are sorted as numbers and texts as texts, and equal rows keep their order", () => {
  expect(names("Name", "ascending")).toBe("abc");
  expect(names("Name", "descending")).toBe("cba");
  expect(names("Price", "ascending")).toBe("abc");
  expect(names("Price", "descending")).toBe("bca");
  expect(names("Note", "ascending")).toBe("bac");
  expect(sorted(rows, columns, undefined)).toBe(rows);
});

test("a column is pressed from ascending over descending to no order", () => {
  const first = nextOrder("Name", { title: "Price", direction: "descending" });
  expect(first).toEqual({ title: "Name", direction: "ascending" });
  const second = nextOrder("Name", first);
  expect(second).toEqual({ title: "Name", direction: "descending" });
  expect(nextOrder("Name", second)).toBeUndefined();
});
