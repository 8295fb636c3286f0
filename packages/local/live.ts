import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { jsonLine } from "@stockwire/functions/telemetry/log";
import * as EventSources from "@stockwire/functions/event-sources";
import { deadLetterFile } from "./stream/dead-letter-file.ts";
import { liveApi } from "./gateway-config.ts";
import type { WebSocketLogRecord } from "@stockwire/gateway/access-log";
import { createWebSocketApi } from "@stockwire/gateway/websocket/websocket-api";
import { createQueue } from "./queue/queue.ts";
import { createSqs } from "./queue/sqs.ts";
import { startStreamMapping } from "./stream/event-source-mapping.ts";

/** What brings changes to clients: Data's stream, the delivery queue, and the WebSocket API. */
export interface Live {
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Answers what is sent to `/live` and to the queue; else returns false. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
  /** Something was written here: its changes need not wait for the next poll. */
  wake(): void;
  stop(): Promise<void>;
}

interface Options {
  dynamodb: DynamoDBClient;
  streams: DynamoDBStreamsClient;
  tableName: (id: string) => string;
  dataDir: string;
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined;
  /** That functions sign for; the gateway's own if absent. */
  region: string | undefined;
  log: (line: string) => void;
  accessLog: (record: WebSocketLogRecord) => void;
}

const DELIVERY_QUEUE = "stockwire-delivery";

/** Whether an upgrade is the Live API's; to all else it is a plain request, as to an HTTP API. */
export const isLive = ({ url = "", headers }: IncomingMessage): boolean =>
  /^\/live(?:[/?]|$)/.test(url) && headers.upgrade?.toLowerCase() === "websocket";

/** The queue that functions hand large deliveries to, as seen from this origin. */
export const deliveryQueueUrl = (origin: string): string =>
  createSqs([]).urlOf(DELIVERY_QUEUE, origin);

/** Starts it; the functions' environment must be set. */
export async function startLive(options: Options): Promise<Live> {
  const { dynamodb, streams, tableName, dataDir, credentials, region, log, accessLog } = options;
  const live = await import("@stockwire/functions/handlers/live");
  const authorizer = await import("@stockwire/functions/handlers/authorizer");
  const changes = await import("@stockwire/functions/handlers/changes");
  const deliver = await import("@stockwire/functions/handlers/deliver");
  const report = (what: string) => (error: unknown) => log(`${what}: ${String(error)}`);

  const api = createWebSocketApi({
    ...liveApi(live.handler, authorizer.handler),
    ...(region && { identity: { region } }),
    ...(credentials && {
      credentials: { [credentials.accessKeyId]: credentials.secretAccessKey },
    }),
    accessLog,
    onError: ({ what, error, requestId }) =>
      log(jsonLine({ level: "ERROR", message: what, error: String(error), requestId })),
  });
  const queue = createQueue({
    ...EventSources.delivery,
    queueName: DELIVERY_QUEUE,
    functionName: "deliver",
    handler: deliver.handler,
    onDeadLetter: deadLetterFile(join(dataDir, "dead-letters", "delivery.jsonl")),
    onError: report("delivery"),
  });
  const sqs = createSqs([queue]);
  const { announced, ...mapping } = EventSources.stream;
  const stream = startStreamMapping({
    ...mapping,
    dynamodb,
    streams,
    tableName: tableName("Data"),
    leaseTableName: tableName("Leases"),
    functionName: "changes",
    handler: changes.handler,
    filter: ({ dynamodb: { Keys } }) => {
      const { S: pk } = (Keys?.["pk"] ?? {}) as { S?: string };
      return announced.some((prefix) => pk?.startsWith(prefix));
    },
    onDeadLetter: deadLetterFile(join(dataDir, "dead-letters", "changes.jsonl")),
    onError: report("changes"),
  });
  return {
    upgrade: (req, socket, head) => api.upgrade(req, socket, head),
    handle: (req, res) => sqs.handle(req, res) || api.handle(req, res),
    wake: () => stream.wake(),
    async stop() {
      await stream.stop();
      await Promise.all([api.close(), queue.stop()]);
    },
  };
}
