/**
 * One message to many WebSockets, through the gateway and through ws. Each is compared with writing
 * the same frame to the bare sockets of the same connections.
 */

import type { Sending, Way } from "./broadcast-process.ts";
import { type Child, startChild } from "../child.ts";
import type { Context } from "../context.ts";
import { atMost, fixed, median, pairedRatio, type Report } from "../report.ts";

const FULL = { connections: 10_000, rounds: 30, warmUp: 3 };
const SMOKE: typeof FULL = { connections: 4, rounds: 1, warmUp: 0 };
const MESSAGE = 300; // bytes
const HEADER = 4; // bytes of a frame of that size
const GOAL = 1.15; // times the bare sockets

const WAYS: readonly Way[] = ["gateway", "ws"];

interface Round {
  delivered: number; // ms from the first write until the last client has the message
  loop: number; // ms
  cpu: number; // ms of the sender
}
interface Measured {
  way: Way;
  own: Round[];
  bare: Round[];
  memory: number; // kB a connection
}

export async function broadcast({ env, smoke }: Context): Promise<Report> {
  const size = smoke ? SMOKE : FULL;
  const measured: Measured[] = [];
  for (const way of WAYS) measured.push(await measure(way, env, size));
  const title = { gateway: "gateway", ws: "ws.send" };
  return {
    tables: [
      {
        title: `broadcast: ${MESSAGE} bytes to ${size.connections} connections, medians of ${size.rounds} interleaved rounds`,
        head: ["", "ms", "bare sockets", "ratio", "goal", "", "kB a connection"],
        rows: measured.flatMap(({ way, own, bare, memory }) => [
          [...cells(`${title[way]}, all delivered`, "delivered", own, bare, way), fixed(memory, 1)],
          cells(`${title[way]}, handed over`, "loop", own, bare),
          cells(`${title[way]}, sender's CPU`, "cpu", own, bare),
        ]),
        notes: [
          "Bare sockets: one prepared frame is written to each of the same connections.",
          "The clients are another process on this machine.",
        ],
      },
    ],
    raw: measured,
  };
}

function cells(
  name: string,
  part: keyof Round,
  own: readonly Round[],
  bare: readonly Round[],
  judged?: Way,
): string[] {
  const times = own.map((round) => round[part]);
  const bareTimes = bare.map((round) => round[part]);
  const ratio = pairedRatio(times, bareTimes);
  const goal = judged === "gateway" ? atMost(ratio, GOAL) : ["", ""];
  return [name, fixed(median(times), 1), fixed(median(bareTimes), 1), fixed(ratio), ...goal];
}

async function measure(
  way: Way,
  env: Record<string, string>,
  { connections, rounds, warmUp }: typeof FULL,
): Promise<Measured> {
  const sender = startChild("live/broadcast-process.ts", env);
  const clients = startChild("live/broadcast-client.ts", env);
  try {
    const port = await sender.call<number>("start", way);
    const before = await sender.call<number>("memory");
    await clients.call("start", { port, connections });
    const memory = ((await sender.call<number>("memory")) - before) / 1000 / connections;
    const measured: Measured = { way, own: [], bare: [], memory };
    for (let n = -warmUp; n < rounds; n++) {
      // The order alternates, because the second one finds warmer caches.
      const order = n % 2 === 0 ? ([way, "bare"] as const) : (["bare", way] as const);
      for (const each of order) {
        const round = await oneRound(sender, clients, each, connections);
        if (n >= 0) measured[each === "bare" ? "bare" : "own"].push(round); // before that are warm-ups
      }
    }
    return measured;
  } finally {
    await Promise.all([sender.stop(), clients.stop()]);
  }
}

async function oneRound(
  sender: Child,
  clients: Child,
  way: "bare" | Way,
  connections: number,
): Promise<Round> {
  await clients.call("expectBytes", connections * (MESSAGE + HEADER));
  const { startedAt, loop, cpu } = await sender.call<Sending>("send", { way, bytes: MESSAGE });
  return { delivered: (await clients.call<number>("arrival")) - startedAt, loop, cpu };
}
