import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Child, startChild } from "../child.ts";
import { type Connection, openConnection, requestBytes } from "../http/connection.ts";
import type { Context } from "../context.ts";
import { type Laptop, startLaptop } from "../laptop.ts";
import type { Arrivals, Opening, Polling } from "./live-process.ts";
import { atMost, fixed, median, percentile, type Report } from "../report.ts";
import { attributes } from "../seed.ts";
import { cpuOf } from "../usage.ts";

const PER_CALLER = 20; // connections
const GOAL = { p50: 15, p99: 60 }; // ms, with 100 that listen
const PATIENCE = 10_000; // ms until what has not come is lost
const WARM_UP = 5; // writes
const WARM_UP_EVERY = 100; // ms

interface Load {
  clients: number;
  writes: number; // of a round
  every: number; // ms
  rounds: number;
}

const LOADS: readonly Load[] = [
  { clients: 1, writes: 20, every: 100, rounds: 2 },
  { clients: 1, writes: 40, every: 25, rounds: 2 },
  { clients: 100, writes: 20, every: 100, rounds: 3 },
  { clients: 100, writes: 40, every: 25, rounds: 3 },
  { clients: 1_000, writes: 5, every: 1_000, rounds: 1 },
  { clients: 1_000, writes: 10, every: 100, rounds: 1 },
];
const POLLS: Load = { clients: 1, writes: 20, every: 137, rounds: 2 };
const POLL_EVERY = 100; // ms

interface Round {
  p50: number; // ms from the write's answer
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

/** From a write's answer to the frame at each client, through the laptop's own process. */
export async function live({ env, dir }: Context): Promise<Report> {
  const laptop = await startLaptop(join(dir, "live"));
  const clients = startChild("live/live-process.ts", env);
  try {
    const writer = await openConnection(laptop.port);
    const token = laptop.token({ sub: "writer", scope: "admin" });
    const bench: Bench = { laptop, clients, writer, token };
    const rounds: { load: Load; rounds: Round[] }[] = [];
    const polled = await pollRounds(bench);
    let connected = 0;
    for (const load of LOADS) {
      if (connected < load.clients) {
        await connect(bench, connected, load.clients);
        connected = load.clients;
        await oneRound(bench, { ...load, writes: WARM_UP, every: WARM_UP_EVERY });
      }
      const measured: Round[] = [];
      for (let n = 0; n < load.rounds; n++) measured.push(await oneRound(bench, load));
      rounds.push({ load, rounds: measured });
    }
    writer.close();
    return report(rounds, polled);
  } finally {
    await Promise.all([clients.stop(), laptop.stop()]);
  }
}

function report(measured: { load: Load; rounds: Round[] }[], polled: Round[]): Report {
  const row = (name: string, rounds: Round[], judged: boolean) => {
    const of = (part: keyof Round) => rounds.map((round) => round[part]);
    const [p50, p99] = [median(of("p50")), median(of("p99"))];
    const goals = judged ? [atMost(p50, GOAL.p50), atMost(p99, GOAL.p99)] : [[], []];
    return [
      name,
      fixed(p50, 1),
      ...(goals[0] ?? []),
      ...(judged ? [] : ["", ""]),
      fixed(p99, 1),
      ...(goals[1] ?? []),
      ...(judged ? [] : ["", ""]),
      `${fixed(Math.min(...of("p50")), 0)}–${fixed(Math.max(...of("p50")), 0)}`,
      fixed(median(of("cpu")), 1),
      String(of("lost").reduce((sum, lost) => sum + lost, 0)),
    ];
  };
  return {
    tables: [
      {
        title: "live: ms from a write's answer to its frame at a client, medians of the rounds",
        head: ["", "p50", "goal", "", "p99", "goal", "", "p50s", "CPU a write", "lost"],
        rows: [
          ...measured.map(({ load: { clients, every }, rounds }) =>
            row(`${clients} listen, a write each ${every} ms`, rounds, clients === 100),
          ),
          row(`polling each ${POLL_EVERY} ms, 1 client`, polled, false),
        ],
        notes: [
          "CPU: ms of the laptop's process, in which gateway, functions and stream reader share a core.",
          "Clients and writer are processes of their own on this machine; a poll reads a list of 25.",
          `The machine's load while it ran: ${fixed(loadavg()[0] ?? 0, 1)} on ${availableParallelism()} cores; with more than one a core, times say little.`,
        ],
      },
    ],
    raw: { measured, polled },
  };
}

/** Opens what is missing; no caller has more than it may. */
export async function connect(
  { laptop, clients }: Pick<Bench, "laptop" | "clients">,
  from: number,
  to: number,
): Promise<number[]> {
  const tokens = Array.from({ length: to - from }, (_, n) =>
    laptop.token({ sub: `caller-${Math.floor((from + n) / PER_CALLER)}`, scope: "read:items" }),
  );
  const url = `${laptop.url.replace("http", "ws")}/live`;
  return clients.ask<number[]>("open", { url, tokens, topic: "items" } satisfies Opening);
}

async function pollRounds(bench: Bench): Promise<Round[]> {
  const { laptop, clients, token } = bench;
  const url = `${laptop.url}/items?limit=25&order=desc`;
  const polling = clients.ask("poll", { url, token, every: POLL_EVERY } satisfies Polling);
  const rounds: Round[] = [];
  await oneRound(bench, { ...POLLS, writes: WARM_UP });
  for (let n = 0; n < POLLS.rounds; n++) rounds.push(await oneRound(bench, POLLS));
  await clients.ask("endPoll");
  await polling;
  return rounds;
}

let count = 0;

async function oneRound(bench: Bench, { clients, writes, every }: Load): Promise<Round> {
  const answered = new Map<string, number>();
  const before = await cpuOf(bench.laptop.pids.gateway);
  for (let n = 0; n < writes; n++) {
    const began = now();
    const name = `lamp ${count++}`;
    const body = JSON.stringify({ ...attributes(0), name });
    const status = await bench.writer.send(requestBytes("POST", "/items", bench.token, body));
    if (status !== 201) throw new Error(`POST was answered ${status}`);
    answered.set(name, now());
    await pause(Math.max(0, every - (now() - began)));
  }
  const wanted = clients * writes;
  for (const end = now() + PATIENCE; now() < end; await pause(20)) {
    if ((await bench.clients.ask<number>("count")) >= wanted) break;
  }
  const cpu = (await cpuOf(bench.laptop.pids.gateway)) - before;
  const arrivals = await bench.clients.ask<Arrivals>("take");
  const times = arrivals.flatMap(([name, all]) =>
    all.map((at) => at - (answered.get(name) ?? Number.NaN)),
  );
  return {
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    lost: wanted - times.length,
    cpu: cpu / writes,
  };
}

/** Ms of a clock that all processes share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;
