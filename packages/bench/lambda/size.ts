import { build } from "esbuild";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { budgetOf } from "../../functions/scripts/budget.ts";
import { functionOptions, root } from "../../functions/scripts/bundle.ts";
import { functions } from "../../functions/scripts/entry.ts";
import type { Context } from "../context.ts";
import { atMost, type Chart, fixed, type Report, type Table } from "../report.ts";
import { profileInit } from "./init-profile.ts";
import { operations } from "./operation.ts";
import { ownerOf } from "./owner.ts";

const ROWS = 16; // of the largest owners

/** The size of each deployed bundle, what takes it in `http`, and what its init costs. */
export async function size(context: Context): Promise<Report> {
  const bundles = await context.bundles();
  const measured = await Promise.all(
    [...Object.entries(bundles.deployed), ["plain handler", bundles.plain] as const].map(
      async ([name, file]) => {
        const bytes = await readFile(file);
        return { name, kB: bytes.length / 1000, gzip: gzipSync(bytes).length / 1000 };
      },
    ),
  );
  const rows = measured.map(({ name, kB, gzip }) => {
    const judged = name in bundles.deployed ? atMost(kB, budgetOf(name), 0) : [];
    return [name, fixed(kB, 1), fixed(gzip, 1), ...judged];
  });
  const owned = new Map<string, Map<string, number>>();
  for (const [name, entry] of Object.entries(functions)) owned.set(name, await bytesByOwner(entry));
  const kB = owned.get("http") ?? new Map<string, number>();
  const event = operations(context.items.stockwire[0] ?? "")[0]?.event ?? "";
  const ms = await profileInit(context, functions["http"] ?? "", event);
  return {
    tables: [
      { title: "size: Lambda bundles, kB", head: ["", "minified", "gzip", "budget", ""], rows },
      owners("size: what is in http, kB", kB),
      owners("size: what init and first request of http evaluate, ms of one profiled run", ms),
    ],
    charts: [contents(owned)],
    raw: { measured, http: { kB: Object.fromEntries(kB), ms: Object.fromEntries(ms) } },
  };
}

function owners(title: string, figures: ReadonlyMap<string, number>): Table {
  const largest = [...figures].toSorted(([, a], [, b]) => b - a).slice(0, ROWS);
  return {
    title,
    head: ["", ""],
    rows: largest.map(([owner, figure]) => [owner, fixed(figure, 1)]),
  };
}

/** Groups of owners, and which of them belong to each; all others are `other`. */
const GROUPS: readonly (readonly [group: string, names: RegExp])[] = [
  ["zod", /^zod$/],
  ["Hono", /^(?:hono|@hono\/.*)$/],
  ["AWS SDK", /^(?:@aws-sdk|@aws-crypto|@smithy)\//],
  ["core", /^core\b/],
  ["functions", /^functions\b/],
  ["other", /(?:)/],
];

/** A bar for each bundle, with what is in it. */
function contents(owned: ReadonlyMap<string, ReadonlyMap<string, number>>): Chart {
  const groupOf = (owner: string) => GROUPS.findIndex(([, names]) => names.test(owner));
  return {
    name: "bundles",
    title: "What is in the Lambda bundles",
    unit: "kB",
    parts: GROUPS.map(([group]) => group),
    bars: [...owned].map(([label, sums]) => {
      const values = GROUPS.map(() => 0);
      for (const [owner, kB] of sums) values[groupOf(owner)] = (values[groupOf(owner)] ?? 0) + kB;
      return { label, values };
    }),
  };
}

/** The kB of each package and folder in a function's bundle. */
async function bytesByOwner(entry: string): Promise<Map<string, number>> {
  const { metafile } = await build({
    ...functionOptions,
    entryPoints: [join(root, entry)],
    outfile: "index.mjs",
    metafile: true,
    write: false,
  });
  const sums = new Map<string, number>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const owner = ownerOf(file);
      sums.set(owner, (sums.get(owner) ?? 0) + bytesInOutput / 1000);
    }
  }
  return sums;
}
