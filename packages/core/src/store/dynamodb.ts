import type {
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  type BatchWriteCommandInput,
  DeleteCommand,
  type DeleteCommandInput,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  type PutCommandInput,
  QueryCommand,
  type QueryCommandInput,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
  type UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { setTimeout as pause } from "node:timers/promises";
import { AppError } from "../error.ts";
import { newId } from "../id.ts";

/** Calls to the tables, and what their failures mean. */

export interface Key {
  pk: string;
  sk: string;
}

export type Attributes = Record<string, unknown>;

interface Settings {
  client: DynamoDBDocumentClient;
  /** The real name of Data, on which all verbs on records work. */
  tableName: string;
  /** The real names of the tables of the change log and the Live API, where they are used. */
  changes?: string;
  connections?: string;
  /** Shards of each unfiltered list; fixed when a stage is first deployed. */
  shards: number;
}

let settings: Settings | undefined;
let shardsAgree: Promise<void> | undefined;

type Table = "Data" | "Changes" | "Connections";

/** Sets the tables that all verbs of this process work on. */
export const configure = (to: Settings): void => {
  settings = to;
  shardsAgree = undefined;
};

const configured = (): Settings => {
  if (settings === undefined) throw new Error("store.configure has not been called");
  return settings;
};

function nameOf(table: Table): string {
  const { tableName, changes, connections } = configured();
  const name = { Data: tableName, Changes: changes, Connections: connections }[table];
  if (name === undefined) throw new Error(`store.configure was not told of ${table}`);
  return name;
}

/** The client and the table's real name, once it is known to be laid out as this process thinks. */
async function open(table: Table) {
  if (table === "Data") await verifyShards();
  return { client: configured().client, TableName: nameOf(table) };
}

export const shardCount = (): number => configured().shards;

const BUSY: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
  "TransactionConflictException",
  "TransactionInProgressException",
  "TimeoutError",
  "AbortError",
]);
const NETWORK_CODE = /^E[A-Z_]+$/; // ECONNRESET, ENOTFOUND, …

const unavailable = (cause: unknown) =>
  new AppError("unavailable", "The store did not answer in time; try again", { cause });

/** Failures that a later try may not meet become `unavailable`; bugs stay what they are. */
function translate(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { $fault, code } = error as { $fault?: string; code?: unknown };
  const passing =
    BUSY.has(error.name) ||
    $fault === "server" ||
    (typeof code === "string" && NETWORK_CODE.test(code)) ||
    ($fault === undefined && "$response" in error); // an answer that is not DynamoDB's
  return passing ? unavailable(error) : error;
}

/** The condition did not hold; `old` is the item as it stands, if there is one. */
export class ConditionFailed extends Error {
  readonly old: Attributes | undefined;
  constructor(old: Attributes | undefined) {
    super("condition failed");
    this.old = old;
  }
}

function translateConditional(error: unknown): unknown {
  if (error instanceof Error && error.name === "ConditionalCheckFailedException") {
    const { Item } = error as ConditionalCheckFailedException;
    return new ConditionFailed(Item && unmarshall(Item));
  }
  return translate(error);
}

/** Reads one item, strongly consistently. Throws `unavailable`. */
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
  const command = new GetCommand({ TableName, Key, ConsistentRead: true });
  try {
    return (await client.send(command, abortSignal && { abortSignal })).Item;
  } catch (error) {
    throw translate(error);
  }
}

/**
 * Reads up to 100 items, strongly consistently, in the order of their keys; what is not there is
 * left out. Throws `unavailable`, also if the store still holds items back after some tries.
 */
export async function readAll(keys: readonly Key[]): Promise<Attributes[]> {
  const { client, TableName } = await open("Data");
  const idOf = ({ pk, sk }: Key) => `${pk} ${sk}`;
  const found = new Map<string, Attributes>();
  let Keys: Record<string, unknown>[] = keys.map(({ pk, sk }) => ({ pk, sk }));
  for (let tries = 1; Keys.length > 0; tries++) {
    const RequestItems = { [TableName]: { Keys, ConsistentRead: true } };
    try {
      const answer = await client.send(new BatchGetCommand({ RequestItems }));
      for (const item of answer.Responses?.[TableName] ?? []) found.set(idOf(item as Key), item);
      Keys = answer.UnprocessedKeys?.[TableName]?.Keys ?? [];
    } catch (error) {
      throw translate(error);
    }
    if (Keys.length > 0 && tries > BATCH_TRIES) throw unavailable(new Error("unprocessed keys"));
    if (Keys.length > 0) await backOff(tries);
  }
  return keys.map((key) => found.get(idOf(key))).filter((item) => item !== undefined);
}

const BATCH_TRIES = 8;

/** Whether the table answers within the time given. Throws `unavailable` and what it met. */
export const probe = (abortSignal: AbortSignal) => readUnverified(SHARDS_KEY, "Data", abortSignal);

/** Reads one run of a partition. A `Limit` is required: without one an engine may read it all. */
export async function query(
  input: Omit<QueryCommandInput, "TableName"> & { Limit: number },
  table: Table = "Data",
): Promise<{ items: Attributes[]; more: boolean; last: Attributes | undefined }> {
  const command = new QueryCommand({ TableName: nameOf(table), ...input });
  try {
    const [{ Items = [], LastEvaluatedKey }] = await Promise.all([
      configured().client.send(command),
      open(table),
    ]);
    return { items: Items, more: LastEvaluatedKey !== undefined, last: LastEvaluatedKey };
  } catch (error) {
    throw translate(error);
  }
}

/** Puts an item under a condition. Throws `ConditionFailed`, `unavailable`. */
export async function put(
  input: Omit<PutCommandInput, "TableName">,
  table: Table = "Data",
): Promise<void> {
  const { client, TableName } = await open(table);
  const options = { TableName, ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;
  try {
    await client.send(new PutCommand({ ...options, ...input }));
  } catch (error) {
    throw translateConditional(error);
  }
}

/** Updates an item and returns it whole. Throws `ConditionFailed`, `unavailable`. */
export async function update(
  input: Omit<UpdateCommandInput, "TableName">,
  table: Table = "Data",
): Promise<Attributes> {
  const { client, TableName } = await open(table);
  const options = {
    TableName,
    ReturnValues: "ALL_NEW",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  } as const;
  try {
    return (await client.send(new UpdateCommand({ ...options, ...input }))).Attributes ?? {};
  } catch (error) {
    throw translateConditional(error);
  }
}

/** Deletes an item and returns it, if it was there. Throws `ConditionFailed`, `unavailable`. */
export async function deleteItem(
  input: Omit<DeleteCommandInput, "TableName">,
  table: Table = "Data",
): Promise<Attributes | undefined> {
  const { client, TableName } = await open(table);
  const options = { TableName, ReturnValues: "ALL_OLD" } as const;
  try {
    return (await client.send(new DeleteCommand({ ...options, ...input }))).Attributes;
  } catch (error) {
    throw translateConditional(error);
  }
}

/** Puts and deletes in any order, without conditions; what is left out is tried again. */
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
    try {
      const { UnprocessedItems } = await client.send(new BatchWriteCommand({ RequestItems }));
      const unprocessed = UnprocessedItems?.[TableName] ?? [];
      if (unprocessed.length > 0 && tries > BATCH_TRIES) {
        throw unavailable(new Error("unprocessed items"));
      }
      if (unprocessed.length > 0) await backOff(tries);
      else tries = 0;
      left = [...unprocessed, ...left.slice(BATCH_WRITES)];
    } catch (error) {
      throw translate(error);
    }
  }
}

const BATCH_WRITES = 25;

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];
type Unaddressed<T> = Omit<NonNullable<T>, "TableName" | "ReturnValuesOnConditionCheckFailure">;

/** One write of a transaction. */
export type Write =
  | { Put: Unaddressed<TransactItem["Put"]> }
  | { Delete: Unaddressed<TransactItem["Delete"]> }
  | { Update: Unaddressed<TransactItem["Update"]> }
  | { ConditionCheck: Unaddressed<TransactItem["ConditionCheck"]> };

/** Which writes of a transaction failed their condition, by index, with the items as they stand. */
export class TransactionCancelled extends Error {
  readonly failed: ReadonlyMap<number, Attributes | undefined>;
  constructor(failed: ReadonlyMap<number, Attributes | undefined>) {
    super("transaction cancelled");
    this.failed = failed;
  }
}

const CONTENTION: ReadonlySet<string> = new Set([
  "TransactionConflict",
  "ThrottlingError",
  "ProvisionedThroughputExceeded",
]);
/** Longer with each try and random, so that rivals for one record do not meet again. */
export const backOff = (tries: number) => pause(Math.random() * Math.min(250, 5 * 2 ** tries));

/** All writes or none. Contention is tried again. Throws `Cancelled`, `unavailable`. */
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
  // One token for all tries: DynamoDB applies them once, whatever replies are lost (10 minutes).
  const input = { TransactItems, ClientRequestToken: newId() };
  for (let tries = 1; ; tries++) {
    try {
      await client.send(new TransactWriteCommand(input));
      return;
    } catch (error) {
      const reasons = cancellationReasons(error);
      if (reasons === undefined) throw translate(error);
      if (!reasons.some(({ Code = "" }) => CONTENTION.has(Code))) {
        const refused = reasons.flatMap(({ Code, Item }, index) =>
          Code === "ConditionalCheckFailed" ? [[index, Item && unmarshall(Item)] as const] : [],
        );
        throw refused.length > 0 ? new TransactionCancelled(new Map(refused)) : error;
      }
      if (Date.now() > deadline) throw unavailable(error);
    }
    await backOff(tries);
  }
}

const cancellationReasons = (error: unknown) =>
  error instanceof Error && error.name === "TransactionCanceledException"
    ? ((error as TransactionCanceledException).CancellationReasons ?? [])
    : undefined;

/** The item in which a table remembers its number of shards. */
export const SHARDS_KEY: Key = { pk: "SETTINGS", sk: "LIST_SHARDS" };

/**
 * Fails unless the table was laid out with the configured number of shards; a new table takes it.
 * Asked once per process, and again only if the store could not answer. Throws `unavailable`.
 */
export function verifyShards(): Promise<void> {
  shardsAgree ??= compareShards().catch((error: unknown) => {
    shardsAgree = undefined;
    throw error;
  });
  return shardsAgree;
}

async function compareShards(): Promise<void> {
  const { client, tableName: TableName, shards } = configured();
  let laidOut = (await readUnverified(SHARDS_KEY))?.["shards"];
  if (laidOut === undefined) {
    const Item = { ...SHARDS_KEY, shards };
    try {
      await client.send(
        new PutCommand({ TableName, Item, ConditionExpression: "attribute_not_exists(pk)" }),
      );
      laidOut = shards;
    } catch (error) {
      if (!(translateConditional(error) instanceof ConditionFailed)) throw translate(error);
      laidOut = (await readUnverified(SHARDS_KEY))?.["shards"]; // another process was first
    }
  }
  if (laidOut !== shards) {
    throw new Error(`LIST_SHARDS is ${shards}, but the table was laid out with ${String(laidOut)}`);
  }
}
