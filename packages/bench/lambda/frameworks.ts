/** Cold and warm invocations of the same work in other frameworks, interleaved with Stockwire's. */

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { startChild } from "../child.ts";
import type { Context } from "../context.ts";
import { type Chart, type Report, fixed, median, pairedRatio } from "../report.ts";
import { bundleFrameworks } from "./bundle.ts";
import { operations } from "./operation.ts";
import type { WarmTask, WarmTimes } from "./warm-process.ts";

const run = promisify(execFile);

const FULL = { samples: 10, processes: 3, rounds: 5, warmUp: 200 };
const SMOKE: typeof FULL = { samples: 1, processes: 1, rounds: 1, warmUp: 0 };
/** Frameworks answer an unknown path and an invalid body each in their own way. */
const COMPARED = new Set(["item by id", "list of 25", "create"]);

interface Variant {
  name: string;
  bundle: string;
  kB: number;
  cold: number[]; // ms of init and first request
  warm: number[]; // µs of CPU, the mean of the operations
}

export async function frameworks(context: Context): Promise<Report> {
  const sizes = context.smoke ? SMOKE : FULL;
  const { stockwire, plain, coldProcess } = await context.bundles();
  const bundles = { stockwire, plain, ...(await bundleFrameworks(context.dir)) };
  const variants = await Promise.all(
    Object.entries(bundles).map(async ([name, bundle]): Promise<Variant> => {
      const { length } = await readFile(bundle);
      return { name, bundle, kB: length / 1000, cold: [], warm: [] };
    }),
  );
  const idsOf = ({ name }: Variant) =>
    name === "stockwire" ? context.items.stockwire : context.items.plain;
  for (let n = -1; n < sizes.samples; n++) {
    for (const variant of variants) {
      const event = operations(idsOf(variant)[0] ?? "")[0]?.event ?? "";
      const { stdout } = await run(process.execPath, [coldProcess, variant.bundle, event], {
        env: context.env,
      });
      const { init, statusCode } = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as {
        init: number;
        statusCode: number;
      };
      if (statusCode !== 200) throw new Error(`${variant.name}: status ${statusCode}`);
      if (n >= 0) variant.cold.push(init); // the first round loads the files into the page cache
    }
  }
  const stub = startChild("lambda/stub-process.ts", context.env);
  try {
    const endpoint = await stub.call<string>("start", context.endpoint);
    for (let n = 0; n < sizes.processes; n++) {
      for (const variant of variants) {
        const child = startChild("lambda/warm-process.ts", {
          ...context.env,
          AWS_ENDPOINT_URL_DYNAMODB: endpoint,
        });
        const { rounds, warmUp } = sizes;
        const compared = operations(idsOf(variant)[n] ?? "").filter(({ name }) =>
          COMPARED.has(name),
        );
        const task: WarmTask = { bundle: variant.bundle, operations: compared, rounds, warmUp };
        const times = Object.values(await child.call<WarmTimes>("run", task));
        variant.warm.push(times.reduce((sum, { cpu }) => sum + cpu / times.length, 0));
        await child.stop();
      }
    }
  } finally {
    await stub.stop();
  }
  return report(variants, sizes);
}

function report(variants: readonly Variant[], { samples, processes }: typeof FULL): Report {
  const plain = variants.find(({ name }) => name === "plain");
  const ratios = (part: "cold" | "warm") =>
    variants.map(({ name, [part]: times }) => ({
      label: name,
      values: [pairedRatio(times, plain?.[part] ?? [])],
      own: name === "stockwire",
    }));
  const [cold, warm] = [ratios("cold"), ratios("warm")];
  const chart = (name: string, title: string, bars: Chart["bars"]): Chart => ({
    name,
    title,
    unit: "times the plain handler",
    parts: [""],
    goal: 1,
    bars: bars.toSorted((a, b) => (a.values[0] ?? 0) - (b.values[0] ?? 0)),
  });
  return {
    tables: [
      {
        title: `frameworks: the same work, medians of ${samples} cold and ${processes} warm processes`,
        head: ["", "kB", "cold, ms", "ratio", "warm, µs of CPU", "ratio"],
        rows: variants.map((variant, at) => [
          variant.name,
          fixed(variant.kB, 0),
          fixed(median(variant.cold), 1),
          fixed(cold[at]?.values[0] ?? 0),
          fixed(median(variant.warm), 0),
          fixed(warm[at]?.values[0] ?? 0),
        ]),
        notes: [
          "Cold: init and first GET of an item. Warm: the mean of an item, a list of 25 and a create.",
          "Only Stockwire validates with schemas, checks scopes, keeps versions and logs each request.",
        ],
      },
    ],
    charts: [
      chart("cold", "Cold start: init and first request", cold),
      chart("warm", "Warm invocation: CPU time", warm),
    ],
    raw: variants,
  };
}
