import type { AppError } from "../error.ts";
import { type Key, read } from "./dynamodb.ts";
import type { Step } from "./write.ts";

/**
 * Guards keep an attribute unique: an item under the value's own key, written in the transaction
 * of the record that owns it, of which there can't be a second one.
 */
const key = (kind: string, value: string): Key => ({ pk: `${kind}#${value}`, sk: kind });

/** Takes `value` for `owner`, or refuses if another has it. */
export const claim = (kind: string, value: string, owner: string, taken: () => AppError): Step => ({
  write: {
    Put: {
      Item: { ...key(kind, value), owner },
      ConditionExpression: "attribute_not_exists(pk)",
    },
  },
  refused: taken,
});

/** Gives `value` back. */
export const release = (kind: string, value: string, owner: string): Step => ({
  write: {
    Delete: {
      Key: key(kind, value),
      ConditionExpression: "#owner = :owner",
      ExpressionAttributeNames: { "#owner": "owner" },
      ExpressionAttributeValues: { ":owner": owner },
    },
  },
  refused: () => new Error(`a ${kind} guard is not its record's`),
});

/** Who has `value`, strongly consistently. */
export const ownerOf = async (kind: string, value: string): Promise<string | undefined> => {
  const owner = (await read(key(kind, value)))?.["owner"];
  return typeof owner === "string" ? owner : undefined;
};
