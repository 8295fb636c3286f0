import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Context } from "../context.ts";
import { operations } from "./operation.ts";
import { atMost, fixed, median, type Report } from "../report.ts";

const run = promisify(execFile);

const SAMPLES = 20;
const GOAL = 0.8;
const LATER = 0.6;

interface Times {
  total: number;
  import: number;
  first: number;
  init: number; // import and first request together
  cpu: number; // from process start to answer, of all threads
  statusCode: number;
}

/** Init and first request of the built Lambda bundle, each time in a new process. */
export async function cold(context: Context): Promise<Report> {
  const bundles = await context.bundles();
  const sample = async (bundle: string, id: string): Promise<Times> => {
    const event = operations(id)[0]?.event ?? "";
    const args = [bundles.coldProcess, bundle, event];
    const { stdout } = await run(process.execPath, args, { env: context.env });
    const times = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Times;
    if (times.statusCode !== 200) throw new Error(`${bundle} answered ${times.statusCode}`);
    return times;
  };
  const ours: Times[] = [];
  const plain: Times[] = [];
  for (let n = -1; n < SAMPLES; n++) {
    const [a, b] = [
      await sample(bundles.ours, context.items.ours[0] ?? ""),
      await sample(bundles.plain, context.items.plain[0] ?? ""),
    ];
    if (n < 0) continue; // the first pair reads the files into the page cache
    ours.push(a);
    plain.push(b);
  }
  const rows = (
    [
      ["init + first request", "init"],
      ["  import", "import"],
      ["  first request", "first"],
      ["process start to answer", "total"],
      ["  CPU of it", "cpu"],
    ] as const
  ).map(([name, part]) => {
    const [mine, theirs] = [ours, plain].map((times) => median(times.map((each) => each[part])));
    const ratio = (mine ?? 0) / (theirs ?? 0);
    const goal = part === "init" ? atMost(ratio, GOAL) : [];
    return [name, fixed(mine ?? 0, 1), fixed(theirs ?? 0, 1), fixed(ratio), ...goal];
  });
  return {
    tables: [
      {
        title: `cold: GET /items/{id} in a fresh process, ms, medians of ${SAMPLES} interleaved`,
        head: ["", "ours", "plain", "ratio", "goal", ""],
        rows,
        notes: [
          `Goal later: ≤ ${fixed(LATER)}. DynamoDB is the engine over HTTP on this machine: no TLS.`,
          "Plain: a switch with lib-dynamodb as it comes, bundled with the same options.",
        ],
      },
    ],
    raw: { ours, plain },
  };
}
