import { describe, expect, it } from "vitest";
import { type Patch, Write } from "../src/react/write.ts";

const entry = { feed: "inventory" } as const;
const other = { feed: "inventory" } as const;
const products = { feed: "products" } as const;

const less = (id: string, by = 1): Patch => ({
  feed: "inventory",
  id,
  apply: (level) => ({ ...level, available: level.available - by }),
});
const level = (id: string, available: number, version = 1) => ({ id, available, version });

describe("an optimistic write", () => {
  it("changes its own records only, and only those of its feed", () => {
    const write = new Write("w", [less("a"), less("a", 2), less("b")]);
    expect(write.applyTo(entry, level("a", 9))).toEqual(level("a", 6));
    expect(write.applyTo(entry, level("c", 9))).toEqual(level("c", 9));
    expect(write.applyTo(products, level("a", 9))).toEqual(level("a", 9));
  });

  it("is no longer applied where its change has arrived, record by record", () => {
    const write = new Write("w", [less("a"), less("b")]);
    write.arrivedAt(entry, "a");
    expect(write.applyTo(entry, level("a", 9))).toEqual(level("a", 9));
    expect(write.applyTo(entry, level("b", 9))).toEqual(level("b", 8));
    expect(write.applyTo(other, level("a", 9))).toEqual(level("a", 8));
    expect(write.isDone([entry])).toBe(false);
    write.arrivedAt(entry, "b");
    expect(write.isDone([entry, products])).toBe(true);
    expect(write.isDone([entry, other])).toBe(false);
  });

  it("is no longer applied to a record that was loaded with the version of the answer", () => {
    const write = new Write("w", [less("a"), less("b")]);
    write.succeeded(level("a", 8, 2));
    expect(write.applyTo(entry, level("a", 9, 1))).toEqual(level("a", 8, 1));
    expect(write.applyTo(entry, level("a", 8, 2))).toEqual(level("a", 8, 2));
    // The answer says nothing about another record, whose version may be higher.
    expect(write.applyTo(entry, level("b", 9, 7))).toEqual(level("b", 8, 7));
  });

  it("is not applied to what is opened after its answer, nor if the answer has no body", () => {
    const write = new Write("w", [{ feed: "inventory", id: "a", apply: () => undefined }]);
    expect(write.applyTo(entry, level("a", 9))).toBeUndefined();
    write.succeeded(null);
    expect(write.answered).toBe(true);
    expect(write.applyTo(entry, level("a", 9))).toBeUndefined();
    write.skip(other);
    expect(write.applyTo(other, level("a", 9))).toEqual(level("a", 9));
  });
});
