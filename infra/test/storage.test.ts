import { tables } from "@stockwire/core/store/tables";
import { describe, expect, test } from "vitest";
import { all, one, stack, stages } from "./stack.ts";

describe.each(stages)("the tables of %s", (stage) => {
  test("S-223, S-252, S-267, S-268, C-15: have the keys, indexes and lifetimes of tables.ts", () => {
    expect(all(stack(stage), "dynamodb/table")).toHaveLength(tables.length);
    for (const spec of tables) {
      const { inputs } = one(stack(stage), "dynamodb/table", `${spec.id}Table`);
      expect(inputs).toMatchObject({
        hashKey: spec.primaryIndex.hashKey,
        rangeKey: spec.primaryIndex.rangeKey,
        attributes: spec.fields.map((name) => ({ name, type: "S" })),
        globalSecondaryIndexes: Object.entries(spec.globalIndexes).map(([name, index]) => ({
          name,
          ...index,
          projectionType: "ALL",
        })),
        ttl: { attributeName: spec.ttl, enabled: true },
        streamEnabled: spec.stream !== undefined,
      });
      expect(inputs["streamViewType"]).toBe(spec.stream && "NEW_AND_OLD_IMAGES");
    }
  });

  test("S-009, S-029, S-030, S-354, A-31: on demand, with point-in-time recovery", () => {
    for (const { inputs } of all(stack(stage), "dynamodb/table")) {
      expect(inputs).toMatchObject({
        billingMode: "PAY_PER_REQUEST",
        pointInTimeRecovery: { enabled: true },
      });
      expect(inputs).not.toHaveProperty("readCapacity");
    }
  });

  test("A-31, S-242: a protected stage keeps them, whatever is removed", () => {
    const kept = stage === "production";
    expect(stack(stage).outputs["_protect"]).toBe(kept);
    for (const { inputs, retainOnDelete } of all(stack(stage), "dynamodb/table")) {
      expect([inputs["deletionProtectionEnabled"], retainOnDelete]).toEqual([kept, kept]);
    }
  });
});
