/** Cold starts: init and first request of the built bundle, each time in a new process. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Context } from "../context.ts";
import { operations } from "./operation.ts";
import { atMost, fixed, median, type Report } from "../report.ts";

const run = promisify(execFile);

const SAMPLES = { full: 20, smoke: 1 };
const GOAL = 0.8;
const LATER_GOAL = 0.6;

interface Times {
  total: number;
  import: number;
  first: number;
  init: number; // import and first request together
  cpu: number; // ms of all threads, from process start to the result
  statusCode: number;
}

export async function cold(context: Context): Promise<Report> {
  const samples = context.smoke ? SAMPLES.smoke : SAMPLES.full;
  const bundles = await context.bundles();
  const sample = async (bundle: string, id: string): Promise<Times> => {
    const event = operations(id)[0]?.event ?? "";
    const args = [bundles.coldProcess, bundle, event];
    const { stdout } = await run(process.execPath, args, { env: context.env });
    const times = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Times;
    if (times.statusCode !== 200) throw new Error(`${bundle}: status ${times.statusCode}`);
    return times;
  };
  const stockwire: Times[] = [];
  const plain: Times[] = [];
  for (let n = -1; n < samples; n++) {
    const [a, b] = [
      await sample(bundles.stockwire, context.items.stockwire[0] ?? ""),
      await sample(bundles.plain, context.items.plain[0] ?? ""),
    ];
    if (n < 0) continue; // the first pair loads the files into the page cache
    stockwire.push(a);
    plain.push(b);
  }
  const rows = (
    [
      ["init + first request", "init"],
      ["  import", "import"],
      ["  first request", "first"],
      ["process start to result", "total"],
      ["  CPU of it", "cpu"],
    ] as const
  ).map(([name, part]) => {
    const [own, other] = [stockwire, plain].map((times) => median(times.map((each) => each[part])));
    const ratio = (own ?? 0) / (other ?? 0);
    const goal = part === "init" ? atMost(ratio, GOAL) : [];
    return [name, fixed(own ?? 0, 1), fixed(other ?? 0, 1), fixed(ratio), ...goal];
  });
  return {
    tables: [
      {
        title: `cold: GET /items/{id} in a fresh process, ms, medians of ${samples} interleaved`,
        head: ["", "stockwire", "plain", "ratio", "goal", ""],
        rows,
        notes: [
          `Later goal: ≤ ${fixed(LATER_GOAL)}. DynamoDB is the engine on this machine, without TLS.`,
          "Plain: a switch and lib-dynamodb with its defaults, bundled with the same options.",
        ],
      },
    ],
    raw: { stockwire, plain },
  };
}
