import { answer } from "../child.ts";
import { openConnection, requestBytes } from "./connection.ts";

/** Makes the load of section http, in a process of its own. */

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

export interface Answered {
  latencies: number[]; // ms
  seconds: number;
  cpu: number; // share of a core that the load itself took
}

async function run(load: Load): Promise<Answered> {
  const requests = load.paths.map((path) => requestBytes(load.method, path, load.token, load.body));
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
        if (!request) throw new Error("there is nothing to ask for");
        const status = await connection.send(request);
        if (status !== load.status) throw new Error(`${load.method} was answered ${status}`);
        const answered = performance.now();
        latencies.push(answered - now);
        now = answered;
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  for (const connection of connections) connection.close();
  return { latencies, seconds, cpu: (user + system) / 1e6 / seconds };
}

answer({ run });
