/**
 * Calls to the tables. A call is repeated here and not by the SDK, since only the writer knows
 * whether a repetition is safe. Every failure that a later call may not meet becomes `unavailable`,
 * a condition that does not hold becomes an error with the item as it is now, and bugs stay bugs.
 * There is no scan.
 */

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

/** Primary key of an item, in each of the tables. */
export interface Key {
  pk: string;
  sk: string;
}

export type Attributes = Record<string, unknown>;

interface Settings {
  client: DynamoDBDocumentClient;
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
  silent = false;
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
 * Errors of DynamoDB that say: not applied, try again. A single write that meets a transaction on
 * the same item is a TransactionConflictException.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 */
const REFUSED: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
  "TransactionConflictException",
  "TransactionInProgressException",
]);
const NO_REPLY: ReadonlySet<string> = new Set(["TimeoutError", "AbortError"]);
const NETWORK_CODE = /^E[A-Z_]+$/; // ECONNRESET, ENOTFOUND, …

/** DynamoDB refused a transaction because of other calls; the same transaction may succeed. */
class Contention extends Error {}

/** `refused`: not applied, the same call may succeed. `lost`: it may have been applied. */
function kindOf(error: unknown): "refused" | "lost" | "final" {
  if (!(error instanceof Error) || error instanceof AppError) return "final";
  if (error instanceof Contention) return "refused";
  const { $fault, $metadata, code } = error as {
    $fault?: string;
    $metadata?: { clockSkewCorrected?: boolean };
    code?: unknown;
  };
  // The SDK has corrected its clock by the date of the reply, so the next signature will be valid.
  if (REFUSED.has(error.name) || $metadata?.clockSkewCorrected) return "refused";
  const lost =
    NO_REPLY.has(error.name) ||
    $fault === "server" ||
    (typeof code === "string" && NETWORK_CODE.test(code)) ||
    ($fault === undefined && "$response" in error); // a reply that the SDK could not parse
  return lost ? "lost" : "final";
}

const unavailable = (cause: unknown) =>
  new AppError("unavailable", "The store did not answer in time; try again", { cause });

/** A call ended as `unavailable`, and it is unknown whether it was applied. */
export class ReplyLost extends AppError {
  constructor(cause: unknown) {
    super("unavailable", "The store did not answer in time; try again", { cause });
  }
}

/** The condition of a single write did not hold. */
export class ConditionFailed extends Error {
  /** The item as it is now, if it exists. */
  readonly old: Attributes | undefined;
  /** True if an earlier attempt of this write got no reply, so that it may have been applied. */
  readonly mayBeApplied: boolean;
  constructor(old: Attributes | undefined, mayBeApplied = false) {
    super("the condition of a write did not hold");
    this.old = old;
    this.mayBeApplied = mayBeApplied;
  }
}

function translate(error: unknown, mayBeApplied: boolean): unknown {
  if (error instanceof Error && error.name === "ConditionalCheckFailedException") {
    const { Item } = error as ConditionalCheckFailedException;
    return new ConditionFailed(Item && unmarshall(Item), mayBeApplied);
  }
  const kind = kindOf(error);
  if (kind === "final") return error;
  return mayBeApplied || kind === "lost" ? new ReplyLost(error) : unavailable(error);
}

/** Ms in which a call that DynamoDB refuses is repeated, unless its caller sets a deadline. */
const CALL_TIME = 2_400;
/** Ms without a reply after which a call is not sent again. It ends one timeout later. */
const SILENCE = 1_200;
/** Attempts without a reply. */
const MAX_LOST = 3;
/** Ms for the only attempt of a call while the store is silent. */
const PROBE_TIMEOUT = 400;

/**
 * True after a call to which the store did not reply at all, until it replies to another. A request
 * whose second call meets the same silence must not wait for all of it again.
 */
let silent = false;

interface Limits {
  /** Epoch ms until which a call that DynamoDB refuses is repeated. */
  deadline?: number | undefined;
  /** False if the call must not be sent again after its reply was lost. */
  repeatLost?: boolean;
}

interface SendOptions {
  requestTimeout?: number; // ms
}

/**
 * Makes a call, and repeats it if DynamoDB refuses it or the reply is lost. `mayBeApplied` is true
 * after a lost reply. A call without any reply ends within 2.4 s with the client's default timeout.
 */
async function call<T>(
  attempt: (options: SendOptions, mayBeApplied: boolean) => Promise<T>,
  { deadline = Date.now() + CALL_TIME, repeatLost = true }: Limits = {},
): Promise<T> {
  let lost = 0;
  let mayBeApplied = false;
  let answeredAt = Date.now();
  for (let tries = 1; ; tries++) {
    try {
      const options = silent ? { requestTimeout: PROBE_TIMEOUT } : {};
      const result = await attempt(options, mayBeApplied);
      silent = false;
      return result;
    } catch (error) {
      const kind = kindOf(error);
      if (kind === "lost") {
        lost++;
        mayBeApplied = true;
        const late = Date.now() - answeredAt > SILENCE;
        if (!repeatLost || lost === MAX_LOST || late || silent) {
          if (error instanceof Error && NO_REPLY.has(error.name)) silent = true;
          throw translate(error, mayBeApplied);
        }
      } else {
        if (!(error instanceof AppError)) silent = false; // DynamoDB has replied
        if (kind === "final" || Date.now() > deadline) throw translate(error, mayBeApplied);
        lost = 0;
        answeredAt = Date.now();
      }
      await (isConflict(error) ? backOffConflict(tries) : backOff(tries));
    }
  }
}

/** Waits longer with each attempt, and randomly, so that two writers do not collide again. */
export const backOff = (tries: number) => pause(Math.random() * Math.min(250, 5 * 2 ** tries));

/**
 * Waits before a write is repeated that lost a race. Of several writers one always wins, so a short
 * wait is enough. It shrinks with each attempt: otherwise later writers would win again and again.
 */
export const backOffConflict = (tries: number) => pause(Math.random() * Math.max(2, 20 - tries));

const isConflict = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === "TransactionConflictException" ||
    (error instanceof Contention && error.message === "TransactionConflict"));

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
  const command = new GetCommand({ TableName, Key, ConsistentRead: true });
  const send = (options: SendOptions & { abortSignal?: AbortSignal }) =>
    client.send(command, options);
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
    const command = new BatchGetCommand({ RequestItems });
    const answer = await call((options) => client.send(command, options));
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
  const command = new QueryCommand({ TableName: nameOf(table), ...input });
  const [{ Items = [], LastEvaluatedKey }] = await Promise.all([
    call((options) => configured().client.send(command, options)),
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
  const command = new PutCommand({ ...options, ...input });
  await call((to) => client.send(command, to), limits);
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
    client.send(new UpdateCommand({ ...options, ...(mayBeApplied ? repetition() : input) }), to);
  return (await call(send, limits)).Attributes ?? {};
}

/** Deletes an item and returns it, if it existed. Throws `ConditionFailed`, `unavailable`. */
export async function deleteItem(
  input: Omit<DeleteCommandInput, "TableName">,
  table: Table = "Data",
): Promise<Attributes | undefined> {
  const { client, TableName } = await open(table);
  const options = { TableName, ReturnValues: "ALL_OLD" } as const;
  const command = new DeleteCommand({ ...options, ...input });
  return (await call((to) => client.send(command, to))).Attributes;
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
    const command = new BatchWriteCommand({ RequestItems });
    const { UnprocessedItems } = await call((options) => client.send(command, options));
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
      await client.send(new TransactWriteCommand(input), to);
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
      await call((options) => client.send(new PutCommand(input), options));
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
