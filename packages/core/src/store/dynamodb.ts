/**
 * Calls to the tables. Every failure that a later call may not meet becomes `unavailable`, a
 * condition that does not hold becomes an error with the item as it is now, and bugs stay bugs.
 * Nothing scans.
 */

import type { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import type {
  BatchWriteCommandInput,
  DeleteCommandInput,
  PutCommandInput,
  QueryCommandInput,
  TransactWriteCommandInput,
  UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { newId } from "../id.ts";
import type { CallOptions, Client } from "./client.ts";
import { unmarshall } from "./attribute-value.ts";
import {
  backOff,
  call,
  ConditionFailed,
  Contention,
  forgetSilence,
  type Limits,
  type SendOptions,
  translate,
  unavailable,
} from "./retry.ts";

/** Primary key of an item, in each of the tables. */
export interface Key {
  pk: string;
  sk: string;
}

export type Attributes = Record<string, unknown>;

interface Settings {
  client: Client;
  /** Real name of the table Data, which holds all records. */
  tableName: string;
  /** Real names of the change log and of the Live API's table, in processes that use them. */
  changes?: string;
  connections?: string;
  /** Shards of each resource; fixed when a stage is first deployed. */
  shards: number;
}

let settings: Settings | undefined;
let shardsVerified: Promise<void> | undefined;

type Table = "Data" | "Changes" | "Connections";

/** Sets the tables of all verbs of this process. */
export const configure = (to: Settings): void => {
  settings = to;
  shardsVerified = undefined;
  forgetSilence();
};

const configured = (): Settings => {
  if (settings === undefined) throw new Error("DynamoDB.configure has not been called");
  return settings;
};

function nameOf(table: Table): string {
  const { tableName, changes, connections } = configured();
  const name = { Data: tableName, Changes: changes, Connections: connections }[table];
  if (name === undefined) throw new Error(`DynamoDB.configure got no name for ${table}`);
  return name;
}

/** Returns the client and the table's real name, once the number of shards is verified. */
async function open(table: Table) {
  if (table === "Data") await verifyShards();
  return { client: configured().client, TableName: nameOf(table) };
}

export const shardCount = (): number => configured().shards;

/**
 * Reads one item, strongly consistently. The read starts while the number of shards is still being
 * verified; its result is only used afterwards. Throws `unavailable`.
 */
export async function read(key: Key, table: Table = "Data"): Promise<Attributes | undefined> {
  const [item] = await Promise.all([readUnverified(key, table), open(table)]);
  return item;
}

async function readUnverified(
  Key: Key,
  table: Table = "Data",
  abortSignal?: AbortSignal,
): Promise<Attributes | undefined> {
  const { client } = configured();
  const TableName = nameOf(table);
  const input = { TableName, Key, ConsistentRead: true };
  const send = (options: CallOptions) => client.send("GetItem", input, options);
  if (abortSignal === undefined) return (await call(send)).Item;
  try {
    return (await send({ abortSignal })).Item;
  } catch (error) {
    throw translate(error, false);
  }
}

/** Attempts of a batch that makes no progress. */
const BATCH_TRIES = 8;

/**
 * Reads up to 100 records, strongly consistently, in the order of their keys. A record that does
 * not exist is left out. DynamoDB may leave keys unprocessed, at 16 MB or under load: these are
 * read again. Throws `unavailable`, also if some are still unprocessed after several attempts.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
 */
export async function readAll(keys: readonly Key[]): Promise<Attributes[]> {
  const { client, TableName } = await open("Data");
  const idOf = ({ pk, sk }: Key) => `${pk} ${sk}`;
  const found = new Map<string, Attributes>();
  let Keys: Record<string, unknown>[] = keys.map(({ pk, sk }) => ({ pk, sk }));
  for (let tries = 1; Keys.length > 0; tries++) {
    const RequestItems = { [TableName]: { Keys, ConsistentRead: true } };
    const answer = await call((options) => client.send("BatchGetItem", { RequestItems }, options));
    for (const item of answer.Responses?.[TableName] ?? []) found.set(idOf(item as Key), item);
    Keys = answer.UnprocessedKeys?.[TableName]?.Keys ?? [];
    if (Keys.length > 0 && tries > BATCH_TRIES) throw unavailable(new Error("unprocessed keys"));
    if (Keys.length > 0) await backOff(tries);
  }
  return keys.map((key) => found.get(idOf(key))).filter((item) => item !== undefined);
}

/** Reads one item, to check that the table answers. Throws `unavailable`, or what prevented it. */
export const probe = (abortSignal: AbortSignal) => readUnverified(SHARDS_KEY, "Data", abortSignal);

/**
 * Reads one page of a partition. `last` is the key to continue from; without it the partition has
 * ended. A page can be empty and yet not be the last. `Limit` is required, since without one an
 * engine may read up to 1 MB. Throws `unavailable`.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
 */
export async function query(
  input: Omit<QueryCommandInput, "TableName"> & { Limit: number },
  table: Table = "Data",
): Promise<{ items: Attributes[]; more: boolean; last: Attributes | undefined }> {
  const page = { TableName: nameOf(table), ...input };
  const [{ Items = [], LastEvaluatedKey }] = await Promise.all([
    call((options) => configured().client.send("Query", page, options)),
    open(table),
  ]);
  return { items: Items, more: LastEvaluatedKey !== undefined, last: LastEvaluatedKey };
}

/** Puts an item, under a condition if there is one. Throws `ConditionFailed`, `unavailable`. */
export async function put(
  input: Omit<PutCommandInput, "TableName">,
  table: Table = "Data",
  limits?: Limits,
): Promise<void> {
  const { client, TableName } = await open(table);
  const options = { TableName, ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;
  await call((to) => client.send("PutItem", { ...options, ...input }, to), limits);
}

type UpdateInput = Omit<UpdateCommandInput, "TableName">;

/**
 * Updates an item and returns all of it. After a lost reply `repetition` is sent instead of
 * `input`; by default it is the same. Throws `ConditionFailed`, `unavailable`.
 */
export async function update(
  input: UpdateInput,
  table: Table = "Data",
  { repetition = () => input, ...limits }: Limits & { repetition?: () => UpdateInput } = {},
): Promise<Attributes> {
  const { client, TableName } = await open(table);
  const options = {
    TableName,
    ReturnValues: "ALL_NEW",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  } as const;
  const send = (to: SendOptions, mayBeApplied: boolean) =>
    client.send("UpdateItem", { ...options, ...(mayBeApplied ? repetition() : input) }, to);
  return (await call(send, limits)).Attributes ?? {};
}

/** Deletes an item and returns it, if it existed. Throws `ConditionFailed`, `unavailable`. */
export async function deleteItem(
  input: Omit<DeleteCommandInput, "TableName">,
  table: Table = "Data",
): Promise<Attributes | undefined> {
  const { client, TableName } = await open(table);
  const options = { TableName, ReturnValues: "ALL_OLD" } as const;
  return (await call((to) => client.send("DeleteItem", { ...options, ...input }, to))).Attributes;
}

/** Writes in one BatchWriteItem; DynamoDB takes no more. */
const BATCH_WRITES = 25;

/**
 * Puts and deletes many items without conditions, in batches. The batches are sent one after
 * another in the given order, but a crash or `unavailable` may leave only some of them applied. No
 * key may occur twice in a batch. Throws `unavailable`.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
 */
export async function writeAll(
  writes: readonly ({ put: Attributes } | { delete: Key })[],
  table: Table,
): Promise<void> {
  const { client, TableName } = await open(table);
  let left = writes.map((write) =>
    "put" in write
      ? { PutRequest: { Item: write.put } }
      : { DeleteRequest: { Key: { pk: write.delete.pk, sk: write.delete.sk } } },
  ) as NonNullable<BatchWriteCommandInput["RequestItems"]>[string];
  for (let tries = 1; left.length > 0; tries++) {
    const RequestItems = { [TableName]: left.slice(0, BATCH_WRITES) };
    const { UnprocessedItems } = await call((options) =>
      client.send("BatchWriteItem", { RequestItems }, options),
    );
    const unprocessed = UnprocessedItems?.[TableName] ?? [];
    if (unprocessed.length > 0 && tries > BATCH_TRIES) {
      throw unavailable(new Error("unprocessed items"));
    }
    if (unprocessed.length > 0) await backOff(tries);
    else tries = 0; // the next batch has all its attempts
    left = [...unprocessed, ...left.slice(BATCH_WRITES)];
  }
}

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];
type Unaddressed<T> = Omit<NonNullable<T>, "TableName" | "ReturnValuesOnConditionCheckFailure">;

/** One write of a transaction, without its table. */
export type Write =
  | { Put: Unaddressed<TransactItem["Put"]> }
  | { Delete: Unaddressed<TransactItem["Delete"]> }
  | { Update: Unaddressed<TransactItem["Update"]> }
  | { ConditionCheck: Unaddressed<TransactItem["ConditionCheck"]> };

/**
 * Conditions of a transaction did not hold: by index of the write, with the items as they are now.
 */
export class TransactionCancelled extends Error {
  readonly failed: ReadonlyMap<number, Attributes | undefined>;
  constructor(failed: ReadonlyMap<number, Attributes | undefined>) {
    super(`conditions of a transaction did not hold: writes ${[...failed.keys()].join(", ")}`);
    this.failed = failed;
  }
}

/** Cancellation reasons after which the same transaction may be committed. */
const CONTENTION: ReadonlySet<string> = new Set([
  "TransactionConflict",
  "ThrottlingError",
  "ProvisionedThroughputExceeded",
]);

/**
 * Commits all writes or none; DynamoDB takes up to 100. A transaction that meets contention is
 * repeated until `deadline` (epoch ms). Throws `TransactionCancelled` if conditions did not hold,
 * and `unavailable`.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export async function transact(
  writes: readonly Write[],
  deadline: number,
  table: Table = "Data",
): Promise<void> {
  const { client, TableName } = await open(table);
  const options = { TableName, ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;
  const TransactItems = writes.map((write): TransactItem => {
    if ("Put" in write) return { Put: { ...options, ...write.Put } };
    if ("Update" in write) return { Update: { ...options, ...write.Update } };
    if ("Delete" in write) return { Delete: { ...options, ...write.Delete } };
    return { ConditionCheck: { ...options, ...write.ConditionCheck } };
  });
  // One token for all attempts: for 10 minutes DynamoDB applies it once, whatever replies are lost.
  const input = { TransactItems, ClientRequestToken: newId() };
  const send = async (to: SendOptions) => {
    try {
      await client.send("TransactWriteItems", input, to);
    } catch (error) {
      throw cancellation(error) ?? error;
    }
  };
  await call(send, { deadline });
}

/** Returns why a transaction was cancelled; undefined if this is another error. */
function cancellation(error: unknown): Error | undefined {
  const reasons = cancellationReasons(error);
  if (reasons === undefined) return undefined;
  // Contention first: the transaction is repeated, and a condition that fails will fail again.
  const contention = reasons.find(({ Code = "" }) => CONTENTION.has(Code));
  if (contention) return new Contention(contention.Code, { cause: error });
  const failed = reasons.flatMap(({ Code, Item }, index) =>
    Code === "ConditionalCheckFailed" ? [[index, Item && unmarshall(Item)] as const] : [],
  );
  return failed.length > 0 ? new TransactionCancelled(new Map(failed)) : undefined;
}

const cancellationReasons = (error: unknown) =>
  error instanceof Error && error.name === "TransactionCanceledException"
    ? ((error as TransactionCanceledException).CancellationReasons ?? [])
    : undefined;

/** The item in which Data keeps its number of shards. */
export const SHARDS_KEY: Key = { pk: "SETTINGS", sk: "LIST_SHARDS" };

/**
 * Fails unless Data was created with the configured number of shards; a new table stores it. With
 * another number, records would be looked for in the wrong partitions. A success is kept for the
 * process; after a failure the next call compares again. Throws `unavailable`.
 */
export function verifyShards(): Promise<void> {
  shardsVerified ??= compareShards().catch((error: unknown) => {
    shardsVerified = undefined;
    throw error;
  });
  return shardsVerified;
}

async function compareShards(): Promise<void> {
  const { client, tableName: TableName, shards } = configured();
  let stored = (await readUnverified(SHARDS_KEY))?.["shards"];
  if (stored === undefined) {
    const Item = { ...SHARDS_KEY, shards };
    try {
      const input = { TableName, Item, ConditionExpression: "attribute_not_exists(pk)" };
      await call((options) => client.send("PutItem", input, options));
      stored = shards;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      stored = (await readUnverified(SHARDS_KEY))?.["shards"]; // another process was first
    }
  }
  if (stored !== shards) {
    throw new Error(`LIST_SHARDS is ${shards}, but the table was created with ${String(stored)}`);
  }
}
