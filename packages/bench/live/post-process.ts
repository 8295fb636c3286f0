/** Sends one frame to many connections, with core's fan-out or with the SDK's defaults. */

import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { sendAll } from "@stockwire/core/live/fan-out";
import { serve } from "../child.ts";

export type Way = "stockwire" | "sdk";

export interface Task {
  endpoint: string;
  connections: number;
  bytes: number; // of the frame
}

/** Frames a second of CPU time, and a second of time. */
export interface Rate {
  cpu: number;
  wall: number;
}

const PARALLEL = 64; // as in core's fan-out

let client: ApiGatewayManagementApiClient | undefined;

async function throughSdk(endpoint: string, ids: string[], frame: string): Promise<void> {
  client ??= new ApiGatewayManagementApiClient({ endpoint });
  const queue = ids.values();
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (const id of queue) {
        await client?.send(new PostToConnectionCommand({ ConnectionId: id, Data: frame }));
      }
    }),
  );
}

async function throughCore(endpoint: string, ids: string[], frame: string): Promise<void> {
  const { sent } = await sendAll([{ endpoint, ids, frames: [frame], topics: [] }]);
  if (sent !== ids.length) throw new Error(`${sent} of ${ids.length} frames were sent`);
}

async function run({ way, endpoint, connections, bytes }: Task & { way: Way }): Promise<Rate> {
  const ids = Array.from(
    { length: connections },
    (_, n) => `Lx7Hd${String(n).padStart(8, "0")}Ag=`,
  );
  const cpu = process.cpuUsage();
  const started = performance.now();
  await { stockwire: throughCore, sdk: throughSdk }[way](endpoint, ids, "x".repeat(bytes));
  const wall = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (connections / (user + system)) * 1e6, wall: (connections / wall) * 1000 };
}

serve({ run });
