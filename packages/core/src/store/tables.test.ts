import { expect, test } from "vitest";
import { tables } from "./tables.ts";

// Written out: infrastructure, laptop and tests are all made from the description that is tested here.
test("the tables are those of docs/architecture.md, and have no other index", () => {
  const keys = { hashKey: "pk", rangeKey: "sk" };
  const gsi1 = { hashKey: "gsi1pk", rangeKey: "gsi1sk" };
  expect(tables).toEqual([
    {
      id: "Data",
      fields: ["pk", "sk", "gsi1pk", "gsi1sk"],
      primaryIndex: keys,
      globalIndexes: { gsi1 }, // a second index would make each write of an indexed record dearer
      ttl: "expiresAt",
      stream: "new-and-old-images",
    },
    {
      id: "Changes",
      fields: ["pk", "sk", "gsi1pk", "gsi1sk"],
      primaryIndex: keys,
      globalIndexes: { gsi1 },
      ttl: "expiresAt",
    },
    {
      id: "Connections",
      fields: ["pk", "sk"],
      primaryIndex: keys,
      globalIndexes: {}, // a delivery must see each subscription, so it reads the table itself
      ttl: "expiresAt",
    },
  ]);
});
