/** Latency from the response of a write to its frame or event at each client, through the real laptop. */

import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Child, startChild } from "../child.ts";
import { type Connection, openConnection, requestBytes } from "../http/connection.ts";
import type { Context } from "../context.ts";
import { type Laptop, startLaptop } from "../laptop.ts";
import type { Arrivals, Opening, Polling, Streaming } from "./live-process.ts";
import { atMost, fixed, median, percentile, type Report } from "../report.ts";
import { attributes } from "../seed.ts";
import { cpuOf } from "../usage.ts";

const PER_CALLER = 20; // connections, the limit for one caller
const GOAL = { p50: 15, p99: 60 }; // ms, with 100 subscribers
const STREAM_GOAL = 100; // ms at p50
const TIMEOUT = 10_000; // ms after which a frame counts as lost
const POLL_EVERY = 100; // ms

interface Load {
  clients: number;
  writes: number; // in a round
  every: number; // ms
  rounds: number;
}

interface Size {
  loads: readonly Load[];
  /** The writes while one client polls. */
  polled: Load;
  /** The writes while one client reads the event stream of the Partner API. */
  streamed: Load;
  warmUp: { writes: number; every: number };
}

const FULL: Size = {
  loads: [
    { clients: 1, writes: 20, every: 100, rounds: 2 },
    { clients: 1, writes: 40, every: 25, rounds: 2 },
    { clients: 100, writes: 20, every: 100, rounds: 3 },
    { clients: 100, writes: 40, every: 25, rounds: 3 },
    { clients: 1_000, writes: 5, every: 1_000, rounds: 1 },
    { clients: 1_000, writes: 10, every: 100, rounds: 1 },
  ],
  polled: { clients: 1, writes: 20, every: 137, rounds: 2 },
  streamed: { clients: 1, writes: 20, every: 137, rounds: 2 },
  warmUp: { writes: 5, every: 100 },
};
const SMOKE: Size = {
  loads: [{ clients: 2, writes: 1, every: 0, rounds: 1 }],
  polled: { clients: 1, writes: 1, every: 0, rounds: 1 },
  streamed: { clients: 1, writes: 1, every: 0, rounds: 1 },
  warmUp: { writes: 1, every: 0 },
};

interface Round {
  p50: number; // ms from the write's response
  p99: number;
  lost: number; // frames
  cpu: number; // ms of the laptop's process for each write
}

interface Bench {
  laptop: Laptop;
  clients: Child;
  writer: Connection;
  token: string;
}

export async function live(context: Context): Promise<Report> {
  const { loads, polled, streamed, warmUp } = context.smoke ? SMOKE : FULL;
  const streamRounds = await measureStream(context, streamed, warmUp);
  const bench = await openBench(context, "live");
  try {
    const pollRounds = await measurePolling(bench, polled, warmUp);
    const measured: { load: Load; rounds: Round[] }[] = [];
    let connected = 0;
    for (const load of loads) {
      if (connected < load.clients) {
        await connect(bench, connected, load.clients);
        connected = load.clients;
        await oneRound(bench, { ...load, ...warmUp });
      }
      const rounds: Round[] = [];
      for (let n = 0; n < load.rounds; n++) rounds.push(await oneRound(bench, load));
      measured.push({ load, rounds });
    }
    return report(measured, pollRounds, streamRounds);
  } finally {
    await close(bench);
  }
}

async function openBench({ env, dir }: Context, name: string): Promise<Bench> {
  const laptop = await startLaptop(join(dir, name));
  const clients = startChild("live/live-process.ts", env);
  const writer = await openConnection(laptop.port);
  return { laptop, clients, writer, token: laptop.token({ sub: "writer", scope: "admin" }) };
}

async function close({ laptop, clients, writer }: Bench): Promise<void> {
  writer.close();
  await Promise.all([clients.stop(), laptop.stop()]);
}

function report(
  measured: { load: Load; rounds: Round[] }[],
  polled: Round[],
  streamed: Round[],
): Report {
  const row = (name: string, rounds: Round[], goal: { p50?: number; p99?: number } = {}) => {
    const of = (part: keyof Round) => rounds.map((round) => round[part]);
    const [p50, p99] = [median(of("p50")), median(of("p99"))];
    const judged = (ms: number, most?: number) =>
      most === undefined ? ["", ""] : atMost(ms, most, 0);
    return [
      name,
      fixed(p50, 1),
      ...judged(p50, goal.p50),
      fixed(p99, 1),
      ...judged(p99, goal.p99),
      `${fixed(Math.min(...of("p50")), 0)}–${fixed(Math.max(...of("p50")), 0)}`,
      fixed(median(of("cpu")), 1),
      String(of("lost").reduce((sum, lost) => sum + lost, 0)),
    ];
  };
  return {
    tables: [
      {
        title: "live: ms from a write's response to its frame at a client, medians of the rounds",
        head: ["", "p50", "goal", "", "p99", "goal", "", "p50s", "CPU a write", "lost"],
        rows: [
          ...measured.map(({ load: { clients, every }, rounds }) =>
            row(
              `${clients} subscribers, a write each ${every} ms`,
              rounds,
              clients === 100 ? GOAL : {},
            ),
          ),
          row("event stream of the Partner API, 1 client", streamed, { p50: STREAM_GOAL }),
          row(`polling each ${POLL_EVERY} ms, 1 client`, polled),
        ],
        notes: [
          "CPU: ms of the laptop's process, in which gateway, functions and stream reader share a core.",
          "Clients and writer are other processes on this machine; a poll reads a list of 25.",
          `Load average during the run: ${fixed(loadavg()[0] ?? 0, 1)} on ${availableParallelism()} cores; with more than 1 a core the times mean little.`,
        ],
      },
    ],
    charts: [
      {
        name: "live",
        title: "From a write's response to its frame",
        unit: "ms at p50",
        parts: [""],
        bars: [
          ...measured.map(({ load: { clients, every }, rounds }) => ({
            label: `${clients}, each ${every} ms`,
            values: [median(rounds.map(({ p50 }) => p50))],
            own: true,
          })),
          {
            label: "event stream",
            values: [median(streamed.map(({ p50 }) => p50))],
            own: true,
          },
          {
            label: `polling each ${POLL_EVERY} ms`,
            values: [median(polled.map(({ p50 }) => p50))],
          },
        ],
      },
    ],
    raw: { measured, polled, streamed },
  };
}

/** Opens connections number `from` to `to`. Resolves to the ms that each took. */
export async function connect(
  { laptop, clients }: Pick<Bench, "laptop" | "clients">,
  from: number,
  to: number,
): Promise<number[]> {
  const tokens = Array.from({ length: to - from }, (_, n) =>
    laptop.token({ sub: `caller-${Math.floor((from + n) / PER_CALLER)}`, scope: "read:items" }),
  );
  const url = `${laptop.url.replace("http", "ws")}/live`;
  return clients.call<number[]>("open", { url, tokens, topic: "items" } satisfies Opening);
}

async function measurePolling(bench: Bench, load: Load, warmUp: Size["warmUp"]): Promise<Round[]> {
  const { laptop, clients, token } = bench;
  const url = `${laptop.url}/items?limit=25&order=desc`;
  const polling = clients.call("poll", { url, token, every: POLL_EVERY } satisfies Polling);
  const rounds: Round[] = [];
  await oneRound(bench, { ...load, ...warmUp });
  for (let n = 0; n < load.rounds; n++) rounds.push(await oneRound(bench, load));
  await clients.call("endPoll");
  await polling;
  return rounds;
}

/** On a laptop of its own: the function of a stream runs on after its reader has left, as on AWS. */
async function measureStream(context: Context, load: Load, warmUp: Size["warmUp"]) {
  const bench = await openBench(context, "live-stream");
  const { laptop, clients, token } = bench;
  try {
    const url = `${laptop.url}/partner/changes/stream?topic=items`;
    await clients.call("stream", { url, token } satisfies Streaming);
    const rounds: Round[] = [];
    await oneRound(bench, { ...load, ...warmUp });
    for (let n = 0; n < load.rounds; n++) rounds.push(await oneRound(bench, load));
    return rounds;
  } finally {
    await close(bench);
  }
}

let count = 0;

/** Writes at a fixed rate, then waits until all clients have all frames, or for TIMEOUT. */
async function oneRound(bench: Bench, { clients, writes, every }: Load): Promise<Round> {
  const written = new Map<string, number>();
  const before = await cpuOf(bench.laptop.pids.gateway);
  for (let n = 0; n < writes; n++) {
    const began = now();
    const name = `lamp ${count++}`;
    const body = JSON.stringify({ ...attributes(0), name });
    const status = await bench.writer.send(requestBytes("POST", "/items", bench.token, { body }));
    if (status !== 201) throw new Error(`POST /items: status ${status}`);
    written.set(name, now());
    await pause(Math.max(0, every - (now() - began)));
  }
  const expected = clients * writes;
  for (const end = now() + TIMEOUT; now() < end; await pause(20)) {
    if ((await bench.clients.call<number>("count")) >= expected) break;
  }
  const cpu = (await cpuOf(bench.laptop.pids.gateway)) - before;
  const arrivals = await bench.clients.call<Arrivals>("take");
  const times = arrivals.flatMap(([name, all]) =>
    all.map((at) => at - (written.get(name) ?? Number.NaN)),
  );
  return {
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    lost: expected - times.length,
    cpu: cpu / writes,
  };
}

/** Ms of the monotonic clock, which all processes share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;
