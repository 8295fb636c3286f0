import { build } from "esbuild";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { budgetOf } from "../../functions/scripts/budget.ts";
import { functionOptions, root } from "../../functions/scripts/bundle.ts";
import { functions } from "../../functions/scripts/entry.ts";
import type { Context } from "../context.ts";
import { atMost, fixed, type Report, type Table } from "../report.ts";
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
  const kB = await bytesByOwner(functions["http"] ?? "");
  const event = operations(context.items.stockwire[0] ?? "")[0]?.event ?? "";
  const ms = await profileInit(context, functions["http"] ?? "", event);
  return {
    tables: [
      { title: "size: Lambda bundles, kB", head: ["", "minified", "gzip", "budget", ""], rows },
      owners("size: what is in http, kB", kB),
      owners("size: what init and first request of http evaluate, ms of one profiled run", ms),
    ],
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
