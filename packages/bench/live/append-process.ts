/** The functions `changes` and `live`, called with the events of stream and WebSocket API. */

import { type AttributeValue, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { createClient } from "@stockwire/core/store/client";
import { newId } from "@stockwire/core/id";
import * as Item from "@stockwire/core/catalog/item";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import type * as Changes from "@stockwire/functions/handlers/changes";
import type * as Live from "@stockwire/functions/handlers/live";
import { serve } from "../child.ts";
import { SHARDS } from "../context.ts";
import { type Cost, meter } from "../meter.ts";
import { attributes, by } from "../seed.ts";
import { type Tally, tally } from "../tally.ts";

export interface AppendTask {
  batch: number; // changes in one event
  ms: number;
}

export interface Appended {
  changes: number;
  ms: number;
  cpu: number; // ms
  /** Transactions that were cancelled because another one changed the head of the feed. */
  cancelled: number;
}

const { AWS_ENDPOINT_URL_DYNAMODB: endpoint = "", AWS_REGION: region = "" } = process.env;
const names = {
  tableName: process.env["DATA_TABLE"] ?? "",
  changes: process.env["CHANGES_TABLE"] ?? "",
  connections: process.env["CONNECTIONS_TABLE"] ?? "",
};

type Image = Record<string, AttributeValue>;
let changes: typeof Changes;
let live: typeof Live;
let image: string;
let measure: ReturnType<typeof meter>;
let counted: Tally;

async function start(): Promise<void> {
  changes = await import("@stockwire/functions/handlers/changes");
  live = await import("@stockwire/functions/handlers/live");
  const client = createClient({ region, endpoint });
  counted = tally(client);
  measure = meter(client);
  DynamoDB.configure({ client, ...names, shards: SHARDS });
  await Item.create(attributes(0), by());
  const plain = new DynamoDBClient({ endpoint, region });
  const { Items = [] } = await plain.send(
    new ScanCommand({
      TableName: names.tableName,
      FilterExpression: "begins_with(pk, :item)",
      ExpressionAttributeValues: { ":item": { S: "ITEM#" } },
    }),
  );
  plain.destroy();
  image = JSON.stringify(Items[0]);
}

/** A batch of new items in the form of a stream event. */
function batchOf(size: number) {
  const id = (JSON.parse(image) as Image)["sk"]?.S ?? "";
  const Records = Array.from({ length: size }, (_, n) => ({
    dynamodb: {
      SequenceNumber: String(n),
      NewImage: JSON.parse(image.replaceAll(id, newId())) as Image,
    },
  }));
  return { Records };
}

async function append({ batch, ms }: AppendTask): Promise<Appended> {
  const before = counted.conditions + counted.conflicts;
  const done = { changes: 0, ms: 0, cpu: 0 };
  for (const end = performance.now() + ms; performance.now() < end;) {
    const event = batchOf(batch);
    const cpu = process.cpuUsage();
    const started = performance.now();
    await changes.handler(event);
    done.ms += performance.now() - started;
    const { user, system } = process.cpuUsage(cpu);
    done.cpu += (user + system) / 1000;
    done.changes += batch;
  }
  return { ...done, cancelled: counted.conditions + counted.conflicts - before };
}

const costOfBatch = (size: number): Promise<Cost> => measure(() => changes.handler(batchOf(size)));

const contextOf = (connectionId: string, eventType: "CONNECT" | "MESSAGE" | "DISCONNECT") => ({
  eventType,
  connectionId,
  connectedAt: Date.now(),
  domainName: "live.example.com",
  stage: "live",
  requestId: newId(),
  authorizer: { sub: connectionId, kind: "user", scope: "admin", authExpiresAt: "" },
});

const connect = (id: string) => live.handler({ requestContext: contextOf(id, "CONNECT") });
const disconnect = (id: string) => live.handler({ requestContext: contextOf(id, "DISCONNECT") });
const receive = (id: string, frame: object) =>
  live.handler({ requestContext: contextOf(id, "MESSAGE"), body: JSON.stringify(frame) });

const subscribe = (id: string) => receive(id, { action: "subscribe", topics: ["items"] });

/** Opens connections that subscribe to all items. */
async function openSubscribers(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const id = newId();
    await connect(id);
    await subscribe(id);
  }
}

/** The cost of each event of a connection with one topic. */
async function costsOfConnection(): Promise<Record<string, Cost>> {
  const id = newId();
  return {
    connect: await measure(() => connect(id)),
    "subscribe to a feed": await measure(() => subscribe(id)),
    ping: await measure(() => receive(id, { action: "ping" })),
    unsubscribe: await measure(() => receive(id, { action: "unsubscribe", topics: ["items"] })),
    "subscribe again": await measure(() => subscribe(id)),
    "disconnect, with 1 topic": await measure(() => disconnect(id)),
  };
}

serve({ start, append, costOfBatch, openSubscribers, costsOfConnection });
