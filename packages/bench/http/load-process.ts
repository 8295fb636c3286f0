/** The load of section http. */

import { serve } from "../child.ts";
import { openConnection, requestBytes } from "./connection.ts";

export interface Load {
  port: number;
  token: string;
  method: "GET" | "POST";
  paths: string[];
  body?: string;
  status: number;
  connections: number;
  ms: number;
}

export interface LoadResult {
  latencies: number[]; // ms
  seconds: number;
  cpu: number; // share of a core that the load took
}

async function run(load: Load): Promise<LoadResult> {
  const requests = load.paths.map((path) =>
    requestBytes(load.method, path, load.token, { body: load.body }),
  );
  const connections = await Promise.all(
    Array.from({ length: load.connections }, () => openConnection(load.port)),
  );
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const started = performance.now();
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      for (let now = started; now - started < load.ms;) {
        const request = requests[next++ % requests.length];
        if (!request) throw new Error("there are no requests");
        const status = await connection.send(request);
        if (status !== load.status) throw new Error(`${load.method}: status ${status}`);
        const received = performance.now();
        latencies.push(received - now);
        now = received;
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  for (const connection of connections) connection.close();
  return { latencies, seconds, cpu: (user + system) / 1e6 / seconds };
}

serve({ run });
