import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { sendDirectly } from "@stockwire/core/live/send";
import { LIVE_STAGE } from "@stockwire/functions/api/policy";
import * as EventSources from "@stockwire/functions/event-sources";
import { jsonLine } from "@stockwire/functions/telemetry/log";
import type { WebSocketLogRecord } from "@stockwire/gateway/log";
import { createWebSocketApi } from "@stockwire/gateway/websocket/websocket-api";
import { liveApi } from "./api-definition.ts";
import { createQueue } from "./queue/queue.ts";
import { createSqs } from "./queue/sqs.ts";
import { deadLetterFile, deadLettersFile } from "./stream/dead-letter.ts";
import { startStreamMapping } from "./stream/event-source-mapping.ts";
import type { StreamRecord } from "./stream/record.ts";

/**
 * The services that bring changes to clients, in the order of their flow: the stream of the table Data
 * invokes `changes`, the delivery queue invokes `deliver`, and the Live API holds the connections.
 */
export interface Live {
  /** Takes over a WebSocket handshake at `/live`; returns false for any other path. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Answers requests to the Live API's management endpoint and to SQS; else returns false. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
  /** Polls the stream immediately. Call it after a write of this process. */
  wake(): void;
  stop(): Promise<void>;
}

interface Options {
  dynamodb: DynamoDBClient;
  streams: DynamoDBStreamsClient;
  tableName: (id: string) => string;
  dataDir: string;
  /** The credentials and the region that functions sign their posts to connections with. */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined;
  region: string | undefined;
  /** The management endpoint of the Live API, where functions send frames. */
  endpoint: string;
  /** How functions send frames: in this process, or as signed HTTP requests, as on AWS. */
  posts: "direct" | "http";
  log: (line: string) => void;
  accessLog: (record: WebSocketLogRecord) => void;
}

const DELIVERY_QUEUE = "stockwire-delivery";
const STREAM_DEAD_LETTERS = "stockwire-stream-dead-letters";

/** True for a WebSocket handshake with the Live API. Any other upgrade is a plain HTTP request. */
export const isLiveUpgrade = ({ url = "", headers }: IncomingMessage): boolean =>
  /^\/live(?:[/?]|$)/.test(url) && headers.upgrade?.toLowerCase() === "websocket";

/** The management endpoint of the Live API, on a server at this origin. */
export const liveEndpoint = (origin: string): string => `${origin}/${LIVE_STAGE}`;

/** The URL of the queue for large deliveries, on a server at this origin. */
export const deliveryQueueUrl = (origin: string): string =>
  createSqs([]).urlOf(DELIVERY_QUEUE, origin);

/** The URL of the queue for stream records that the function cannot read. */
export const streamDeadLettersUrl = (origin: string): string =>
  createSqs([]).urlOf(STREAM_DEAD_LETTERS, origin);

/** Starts the services. The functions' environment must be set, because this imports handlers. */
export async function startLive(options: Options): Promise<Live> {
  const { dynamodb, streams, tableName, dataDir, credentials, region, log, accessLog } = options;
  const { endpoint, posts } = options;
  const live = await import("@stockwire/functions/handlers/live");
  const authorizer = await import("@stockwire/functions/handlers/authorizer");
  const changes = await import("@stockwire/functions/handlers/changes");
  const deliver = await import("@stockwire/functions/handlers/deliver");
  const report = (source: string) => (error: unknown) => log(`${source}: ${String(error)}`);

  const webSocketApi = createWebSocketApi({
    ...liveApi(live.handler, authorizer.handler),
    ...(region && { identity: { region } }),
    ...(credentials && {
      credentials: { [credentials.accessKeyId]: credentials.secretAccessKey },
    }),
    accessLog,
    onError: ({ message, error, requestId }) =>
      log(jsonLine({ level: "ERROR", message, error: String(error), requestId })),
  });

  const endDirectPosts =
    posts === "direct"
      ? sendDirectly(endpoint, (id, frame) => webSocketApi.post(id, frame))
      : undefined;

  const queue = createQueue({
    ...EventSources.delivery,
    queueName: DELIVERY_QUEUE,
    functionName: "deliver",
    handler: deliver.handler,
    onDeadLetter: deadLetterFile(deadLettersFile(dataDir, "delivery")),
    onError: report("delivery"),
  });
  const writeDeadLetter = deadLetterFile(deadLettersFile(dataDir, "stream"));
  // A queue that nothing reads on AWS; here its messages are written to the file of dead letters.
  const streamDeadLetters = createQueue({
    ...EventSources.delivery,
    queueName: STREAM_DEAD_LETTERS,
    functionName: "dead-letters",
    handler: async (event) => {
      const { Records } = event as { Records: { body: string }[] };
      for (const { body } of Records) await writeDeadLetter(JSON.parse(body) as object);
    },
    onDeadLetter: writeDeadLetter,
    onError: report("dead letters"),
  });
  const sqs = createSqs([queue, streamDeadLetters]);

  const { announced, ...mapping } = EventSources.stream;
  const stream = startStreamMapping({
    ...mapping,
    dynamodb,
    streams,
    tableName: tableName("Data"),
    leaseTableName: tableName("Leases"),
    functionName: "changes",
    handler: changes.handler,
    filter: (record) => announced.some((prefix) => partitionKey(record)?.startsWith(prefix)),
    onDeadLetter: writeDeadLetter,
    onError: report("changes"),
  });

  return {
    upgrade: (req, socket, head) => webSocketApi.upgrade(req, socket, head),
    handle: (req, res) => sqs.handle(req, res) || webSocketApi.handle(req, res),
    wake: () => stream.wake(),
    async stop() {
      // The stream first: its function posts to connections and sends to the queue.
      await stream.stop();
      await Promise.all([webSocketApi.close(), queue.stop(), streamDeadLetters.stop()]);
      endDirectPosts?.();
    },
  };
}

function partitionKey({ dynamodb: { Keys } }: StreamRecord): string | undefined {
  const { S } = (Keys?.["pk"] ?? {}) as { S?: string };
  return S;
}
