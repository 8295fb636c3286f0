/**
 * The operations that we use, and which members of their requests and replies hold items. As in the
 * SDK's document client, callers see plain values and the protocol has typed ones.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
 */

import type {
  BatchGetCommandInput,
  BatchGetCommandOutput,
  BatchWriteCommandInput,
  BatchWriteCommandOutput,
  DeleteCommandInput,
  DeleteCommandOutput,
  GetCommandInput,
  GetCommandOutput,
  PutCommandInput,
  PutCommandOutput,
  QueryCommandInput,
  QueryCommandOutput,
  TransactWriteCommandInput,
  TransactWriteCommandOutput,
  UpdateCommandInput,
  UpdateCommandOutput,
} from "@aws-sdk/lib-dynamodb";
import { marshall, unmarshall } from "../attribute-value.ts";

type Message<Input, Output> = { input: Input; output: Omit<Output, "$metadata"> };

/** Request and reply of each operation, by its name in the protocol. */
export interface Operations {
  GetItem: Message<GetCommandInput, GetCommandOutput>;
  PutItem: Message<PutCommandInput, PutCommandOutput>;
  UpdateItem: Message<UpdateCommandInput, UpdateCommandOutput>;
  DeleteItem: Message<DeleteCommandInput, DeleteCommandOutput>;
  Query: Message<QueryCommandInput, QueryCommandOutput>;
  BatchGetItem: Message<BatchGetCommandInput, BatchGetCommandOutput>;
  BatchWriteItem: Message<BatchWriteCommandInput, BatchWriteCommandOutput>;
  TransactWriteItems: Message<TransactWriteCommandInput, TransactWriteCommandOutput>;
}
export type Operation = keyof Operations;

const ITEM = "item";

/** Where items are: here, in each element of a list, in named members, or in every member. */
type Shape = typeof ITEM | readonly [Shape] | { readonly [member: string]: Shape };
const EVERY = "*";

const SINGLE = { Item: ITEM, Key: ITEM, ExpressionAttributeValues: ITEM } as const;
const BATCH = { [EVERY]: [{ PutRequest: SINGLE, DeleteRequest: SINGLE }] } as const;
const KEYS = { [EVERY]: { Keys: [ITEM] } } as const;

const INPUTS: Readonly<Record<Operation, Shape>> = {
  GetItem: SINGLE,
  PutItem: SINGLE,
  UpdateItem: SINGLE,
  DeleteItem: SINGLE,
  Query: { ExpressionAttributeValues: ITEM, ExclusiveStartKey: ITEM },
  BatchGetItem: { RequestItems: KEYS },
  BatchWriteItem: { RequestItems: BATCH },
  TransactWriteItems: {
    TransactItems: [{ Put: SINGLE, Update: SINGLE, Delete: SINGLE, ConditionCheck: SINGLE }],
  },
};

const OUTPUT: Shape = {
  Item: ITEM,
  Attributes: ITEM,
  Items: [ITEM],
  LastEvaluatedKey: ITEM,
  Responses: { [EVERY]: [ITEM] },
  UnprocessedKeys: KEYS,
  UnprocessedItems: BATCH,
};

/** Returns the body of a request. Throws at a value that DynamoDB cannot hold. */
export const encode = <Name extends Operation>(
  operation: Name,
  input: Operations[Name]["input"],
): string => JSON.stringify(convert(input, INPUTS[operation], marshall));

/** Returns a parsed reply with plain items. */
export const decode = <Name extends Operation>(
  _operation: Name,
  reply: unknown,
): Operations[Name]["output"] => convert(reply, OUTPUT, unmarshall) as Operations[Name]["output"];

/** Returns a value with its items converted. The rest is the same, and nothing is changed in place. */
function convert(value: unknown, shape: Shape, item: (value: object) => object): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (shape === ITEM) return item(value);
  if (isList(shape)) {
    return Array.isArray(value) ? value.map((each) => convert(each, shape[0], item)) : value;
  }
  const result: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    const inner = shape[EVERY] ?? (Object.hasOwn(shape, name) ? shape[name] : undefined);
    result[name] = inner === undefined ? member : convert(member, inner, item);
  }
  return result;
}

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape);
