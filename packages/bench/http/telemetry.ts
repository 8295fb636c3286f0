/** What OpenTelemetry's spans and Prometheus' metrics cost a host, beside the host without them. */

import { startChild } from "../child.ts";
import type { Context } from "../context.ts";
import { fixed, median, pairedRatio, type Report } from "../report.ts";
import type { Kind, TelemetryTask } from "./telemetry-process.ts";

const FULL = { rounds: 10, warmUp: 500, count: 1_000 };
const SMOKE: typeof FULL = { rounds: 1, warmUp: 1, count: 5 };

const KINDS: readonly [Kind, string][] = [
  ["off", "off, the default"],
  ["spans", "spans, without an SDK"],
  ["metrics", "metrics"],
];

export async function telemetry(context: Context): Promise<Report> {
  const { rounds, warmUp, count } = context.smoke ? SMOKE : FULL;
  const hosts = KINDS.map(([kind, name]) => ({
    kind,
    name,
    child: startChild("http/telemetry-process.ts", context.env),
    cpu: [] as number[],
  }));
  try {
    for (let n = 0; n < rounds; n++) {
      for (const { kind, child, cpu } of hosts) {
        const task: TelemetryTask = { kind, warmUp: n === 0 ? warmUp : 0, count };
        cpu.push(await child.call<number>("measure", task));
      }
    }
  } finally {
    await Promise.all(hosts.map(({ child }) => child.stop()));
  }
  const off = hosts[0]?.cpu ?? [];
  return {
    tables: [
      {
        title: `telemetry: GET /ready of a host, µs of CPU, medians of ${rounds} interleaved rounds`,
        head: ["", "µs", "ratio"],
        rows: hosts.map(({ name, cpu }) => [
          name,
          fixed(median(cpu), 0),
          fixed(pairedRatio(cpu, off)),
        ]),
        notes: [
          "Off, neither library is loaded, and neither requests nor calls to the store are wrapped.",
          "A request makes one call to the store.",
        ],
      },
    ],
    raw: hosts.map(({ kind, cpu }) => ({ kind, cpu })),
  };
}
