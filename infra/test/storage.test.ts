/** The tables, compared with the description that the laptop uses. */

import { tables } from "@stockwire/core/store/tables";
import { describe, expect, test } from "vitest";
import { all, one, stack, stages } from "./stack.ts";

describe.each(stages)("the tables of %s", (stage) => {
  test("have the keys, indexes and TTL attributes of core's tables.ts", () => {
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

  test("are on demand and have point-in-time recovery", () => {
    for (const { inputs } of all(stack(stage), "dynamodb/table")) {
      expect(inputs).toMatchObject({
        billingMode: "PAY_PER_REQUEST",
        pointInTimeRecovery: { enabled: true },
      });
      expect(inputs).not.toHaveProperty("readCapacity");
    }
  });

  test("have deletion protection and are retained on a protected stage", () => {
    const isProtected = stage === "production";
    expect(stack(stage).outputs["_protect"]).toBe(isProtected);
    for (const { inputs, retainOnDelete } of all(stack(stage), "dynamodb/table")) {
      expect([inputs["deletionProtectionEnabled"], retainOnDelete]).toEqual([
        isProtected,
        isProtected,
      ]);
    }
  });
});
