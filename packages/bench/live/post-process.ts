import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { sendAll } from "@stockwire/core/live/fan-out";
import { answer } from "../child.ts";

/** One frame to many connections, as a delivery posts it or with the SDK as it comes. */

export type Way = "ours" | "sdk";

export interface Task {
  endpoint: string;
  connections: number;
  bytes: number; // of the frame
}

/** Posts a second: of CPU, and of time. */
export interface Rate {
  cpu: number;
  wall: number;
}

const AT_ONCE = 64; // as a delivery

let client: ApiGatewayManagementApiClient | undefined;

async function throughSdk(endpoint: string, ids: string[], frame: string): Promise<void> {
  client ??= new ApiGatewayManagementApiClient({ endpoint });
  const queue = ids.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const id of queue) {
        await client?.send(new PostToConnectionCommand({ ConnectionId: id, Data: frame }));
      }
    }),
  );
}

async function throughUs(endpoint: string, ids: string[], frame: string): Promise<void> {
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
  await { ours: throughUs, sdk: throughSdk }[way](endpoint, ids, "x".repeat(bytes));
  const wall = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (connections / (user + system)) * 1e6, wall: (connections / wall) * 1000 };
}

answer({ run });
