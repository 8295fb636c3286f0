/**
 * Unique values. An item whose key is the value belongs to one record and is written in the same
 * transaction as that record, so that two records can never have the value.
 */

import { AppError } from "../error.ts";
import { type Key, read } from "./dynamodb.ts";
import type { Step } from "./write.ts";

const keyOf = (kind: string, value: string): Key => ({ pk: `${kind}#${value}`, sk: kind });

/** Returns the step that reserves `value` for the record `owner`; its error is `taken`. */
export const claim = (kind: string, value: string, owner: string, taken: () => AppError): Step => ({
  write: {
    Put: {
      Item: { ...keyOf(kind, value), owner },
      ConditionExpression: "attribute_not_exists(pk)",
    },
  },
  conditionError: taken,
});

/**
 * Returns the step that frees `value`. Its condition only fails together with that of the record,
 * which must be an earlier step: the first refusal decides.
 */
export const release = (kind: string, value: string, owner: string): Step => ({
  write: {
    Delete: {
      Key: keyOf(kind, value),
      ConditionExpression: "#owner = :owner",
      ExpressionAttributeNames: { "#owner": "owner" },
      ExpressionAttributeValues: { ":owner": owner },
    },
  },
});

/** Returns the id of the record that has `value`, strongly consistently. Throws `unavailable`. */
export const ownerOf = async (kind: string, value: string): Promise<string | undefined> => {
  const owner = (await read(keyOf(kind, value)))?.["owner"];
  return typeof owner === "string" ? owner : undefined;
};

/**
 * Refuses new records of which two have the same value. They would write one item twice, and a
 * transaction takes each item once. Undefined is a record without a value. Throws `taken`
 * with the member `index` of the second record.
 */
export function assertDistinct(
  values: readonly (string | undefined)[],
  taken: () => AppError,
): void {
  const index = values.findIndex((value, at) => value !== undefined && values.indexOf(value) < at);
  if (index === -1) return;
  const { code, message, errors, members } = taken();
  throw new AppError(code, message, { errors, members: { ...members, index } });
}
