import { marshall } from "@aws-sdk/util-dynamodb";
import type { Client } from "../../src/store/client.ts";
import type { Attributes, Key } from "../../src/store/dynamodb.ts";
import type { Command } from "./intercept.ts";

/**
 * A store in memory for the commands of the change log and of connections. Each command is one
 * step. An eventually consistent read returns the state of the last `settle`, which is as stale as
 * possible.
 */
export interface Memory {
  client: Client;
  /** Makes the current state the one that eventually consistent reads return. */
  settle: () => void;
  /** Returns to the state of the last `settle`. */
  restore: () => void;
  read: (table: string, key: Key) => Attributes | undefined;
}

type Table = Map<string, Attributes>;
type Values = Record<string, unknown>;

const textOf = ({ pk, sk }: Key) => JSON.stringify([pk, sk]);
const keyOf = ({ pk, sk }: Attributes): Key => ({ pk: String(pk), sk: String(sk) });

const refusal = (name: string, members: object = {}) =>
  Object.assign(new Error(name), { name, $fault: "client", ...members });

export function memory(): Memory {
  let tables = new Map<string, Table>();
  let settled = new Map<string, Table>();
  const copyOf = (all: Map<string, Table>) =>
    new Map([...all].map(([name, table]) => [name, new Map(table)]));
  const of = (name: string, all = tables): Table => {
    const known = all.get(name) ?? new Map<string, Attributes>();
    all.set(name, known);
    return known;
  };
  const seen = ({ TableName, ConsistentRead, IndexName }: Command["input"]) =>
    of(TableName, ConsistentRead || IndexName ? tables : settled);

  const commands: Record<string, (input: Command["input"]) => object> = {
    GetItem: (input) => ({ Item: seen(input).get(textOf(input["Key"])) }),
    Query: (input) => found([...seen(input).values()], input),
    PutItem: (input) => {
      const old = refusalOf(of(input["TableName"]), input["Item"], input);
      if (old) {
        const Item = old.item && marshall(old.item);
        throw refusal("ConditionalCheckFailedException", Item && { Item });
      }
      store(of(input["TableName"]), input["Item"]);
      return {};
    },
    BatchWriteItem: ({ RequestItems }) => {
      for (const [name, writes] of Object.entries(RequestItems as Record<string, Batch[]>)) {
        const keys = writes.map(({ PutRequest, DeleteRequest }) =>
          textOf(PutRequest ? keyOf(PutRequest.Item) : (DeleteRequest as { Key: Key }).Key),
        );
        if (new Set(keys).size < keys.length) throw refusal("ValidationException");
        for (const [index, { PutRequest }] of writes.entries()) {
          if (PutRequest) store(of(name), PutRequest.Item);
          else of(name).delete(keys[index] ?? "");
        }
      }
      return {};
    },
    TransactWriteItems: ({ TransactItems }) => {
      const writes = (TransactItems as Command["input"][]).map((write) => {
        const { Put, Update, ...others } = write;
        if (Object.keys(others).length > 0)
          throw new Error("this store does not support this write");
        return { input: Put ?? Update, item: (Put?.Item ?? Update?.Key) as Attributes };
      });
      const CancellationReasons = writes.map(({ input, item }) => {
        const old = refusalOf(of(input.TableName), item, input);
        if (!old) return { Code: "None" };
        return { Code: "ConditionalCheckFailed", ...(old.item && { Item: marshall(old.item) }) };
      });
      if (CancellationReasons.some(({ Code }) => Code !== "None")) {
        throw refusal("TransactionCanceledException", { CancellationReasons });
      }
      for (const { input, item } of writes) {
        const table = of(input.TableName);
        store(table, { ...(input.Key && table.get(textOf(input.Key))), ...item, ...setBy(input) });
      }
      return {};
    },
  };
  const send = async (operation: string, input: Command["input"]) => {
    const command = commands[operation];
    if (command === undefined) throw new Error(`this store does not support ${operation}`);
    return command(input);
  };
  return {
    client: { send: send as Client["send"], close: () => undefined },
    settle: () => void (settled = copyOf(tables)),
    restore: () => void (tables = copyOf(settled)),
    read: (table, key) => of(table).get(textOf(key)),
  };
}

interface Batch {
  PutRequest?: { Item: Attributes };
  DeleteRequest?: { Key: Key };
}

const store = (table: Table, item: Attributes) => {
  const defined = Object.entries(item).filter(([, value]) => value !== undefined);
  table.set(textOf(keyOf(item)), Object.fromEntries(defined));
};

/** Returns the item as `{ item }` if it does not meet the condition. */
function refusalOf(table: Table, key: Attributes, input: Command["input"]) {
  const { ConditionExpression: condition, ExpressionAttributeValues: values = {} } = input;
  const item = table.get(textOf(keyOf(key)));
  if (condition === undefined || meets(item, condition, values as Values)) return undefined;
  return { item };
}

function meets(item: Attributes | undefined, condition: string, values: Values): boolean {
  const [, absent] = /^attribute_not_exists\((\w+)\)$/.exec(condition) ?? [];
  if (absent) return item?.[absent] === undefined;
  const [, present] = /^attribute_exists\((\w+)\)$/.exec(condition) ?? [];
  if (present) return item?.[present] !== undefined;
  const [, name = "", value = ""] = /^(\w+) = (:\w+)$/.exec(condition) ?? [];
  if (!name) throw new Error(`this store does not support the condition ${condition}`);
  return item !== undefined && item[name] === values[value];
}

/** Returns the attributes that a SET of plain values sets. */
function setBy(input: Command["input"]): Attributes {
  const { UpdateExpression: expression, ExpressionAttributeValues: values = {} } = input;
  if (expression === undefined) return {};
  const parts = (expression as string).replace(/^SET /, "").split(", ");
  const assignments = parts.map((part) => /^(\w+) = (:\w+)$/.exec(part));
  if (assignments.includes(null)) {
    throw new Error(`this store does not support the update ${expression}`);
  }
  return Object.fromEntries(
    assignments.map((each) => [each?.[1], (values as Values)[each?.[2] ?? ""]]),
  );
}

function found(all: readonly Attributes[], input: Command["input"]): object {
  const { KeyConditionExpression, ExpressionAttributeValues, Limit, IndexName } = input;
  if (input["ExclusiveStartKey"]) throw new Error("this store does not support pages");
  const sort = IndexName ? "gsi1sk" : "sk";
  const run = all
    .filter((item) => inRun(item, KeyConditionExpression, ExpressionAttributeValues as Values))
    .toSorted((a, b) => (String(a[sort]) < String(b[sort]) ? -1 : 1));
  if (input["ScanIndexForward"] === false) run.reverse();
  const Items = run.slice(0, Limit);
  const last = Items.length === Limit ? Items.at(-1) : undefined;
  return { Items, ...(last && { LastEvaluatedKey: keyOf(last) }) };
}

const inRun = (item: Attributes, condition: string, values: Values): boolean =>
  condition.split(" AND ").every((part) => {
    const [, begun, prefix] = /^begins_with\((\w+), (:\w+)\)$/.exec(part) ?? [];
    if (begun && prefix) return String(item[begun]).startsWith(String(values[prefix]));
    const [, name = "", operator, value = ""] = /^(\w+) ([=<>]) (:\w+)$/.exec(part) ?? [];
    if (!name) throw new Error(`this store does not support the condition ${part}`);
    const [is, than] = [item[name], values[value]];
    if (typeof is !== "string" || typeof than !== "string") return false;
    if (operator === "=") return is === than;
    return operator === ">" ? is > than : is < than;
  });
