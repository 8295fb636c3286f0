import type { Sending, Way } from "./broadcast-process.ts";
import { type Child, startChild } from "../child.ts";
import type { Context } from "../context.ts";
import { atMost, fixed, median, pairedRatio, type Report } from "../report.ts";

const CONNECTIONS = 10_000;
const MESSAGE = 300; // bytes
const HEADER = 4; // bytes of a frame of that size
const ROUNDS = 30;
const GOAL = 1.15; // of bare sockets

const WAYS: readonly Way[] = ["gateway", "ws"];

interface Round {
  delivered: number; // ms from the first write until the last client has it all
  loop: number; // ms
  cpu: number; // ms of the sender
}
interface Measured {
  way: Way;
  own: Round[];
  bare: Round[];
  memory: number; // kB a connection
}

/** One message to everybody: through the gateway and ws, each beside the same bytes on its sockets. */
export async function broadcast({ env }: Context): Promise<Report> {
  const measured: Measured[] = [];
  for (const way of WAYS) measured.push(await measure(way, env));
  const title = { gateway: "gateway", ws: "ws.send" };
  return {
    tables: [
      {
        title: `broadcast: ${MESSAGE} bytes to ${CONNECTIONS} connections, medians of ${ROUNDS} interleaved rounds`,
        head: ["", "ms", "bare sockets", "ratio", "goal", "", "kB a connection"],
        rows: measured.flatMap(({ way, own, bare, memory }) => [
          [...cells(`${title[way]}, all delivered`, "delivered", own, bare, way), fixed(memory, 1)],
          cells(`${title[way]}, handed over`, "loop", own, bare),
          cells(`${title[way]}, sender's CPU`, "cpu", own, bare),
        ]),
        notes: [
          "Bare sockets: the same connections, each written one prepared frame.",
          "Clients are a process of their own on this machine.",
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
  const [mine, theirs] = [own, bare].map((rounds) => rounds.map((round) => round[part]));
  if (!mine || !theirs) throw new Error("there are two ways");
  const ratio = pairedRatio(mine, theirs);
  const goal = judged === "gateway" ? atMost(ratio, GOAL) : ["", ""];
  return [name, fixed(median(mine), 1), fixed(median(theirs), 1), fixed(ratio), ...goal];
}

async function measure(way: Way, env: Record<string, string>): Promise<Measured> {
  const sender = startChild("live/broadcast-process.ts", env);
  const clients = startChild("live/broadcast-client.ts", env);
  try {
    const port = await sender.ask<number>("start", way);
    const before = await sender.ask<number>("memory");
    await clients.ask("start", { port, connections: CONNECTIONS });
    const memory = ((await sender.ask<number>("memory")) - before) / 1000 / CONNECTIONS;
    const measured: Measured = { way, own: [], bare: [], memory };
    for (let n = -3; n < ROUNDS; n++) {
      // Who is first changes, since the one after the other finds warmer caches.
      const order = n % 2 === 0 ? ([way, "bare"] as const) : (["bare", way] as const);
      for (const each of order) {
        const round = await oneRound(sender, clients, each);
        if (n >= 0) measured[each === "bare" ? "bare" : "own"].push(round); // the first warm up
      }
    }
    return measured;
  } finally {
    await Promise.all([sender.stop(), clients.stop()]);
  }
}

async function oneRound(sender: Child, clients: Child, way: "bare" | Way): Promise<Round> {
  const arrival = clients.ask<number>("receive", CONNECTIONS * (MESSAGE + HEADER));
  const { startedAt, loop, cpu } = await sender.ask<Sending>("send", { way, bytes: MESSAGE });
  return { delivered: (await arrival) - startedAt, loop, cpu };
}
