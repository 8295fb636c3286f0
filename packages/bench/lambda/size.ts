import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import type { Context } from "../context.ts";
import { atMost, fixed, type Report } from "../report.ts";

const GOALS: Readonly<Record<string, number>> = { http: 300 }; // kB
const OTHER_GOAL = 250; // kB

/** The size of each deployed bundle. */
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
    const judged = name in bundles.deployed ? atMost(kB, GOALS[name] ?? OTHER_GOAL, 0) : [];
    return [name, fixed(kB, 1), fixed(gzip, 1), ...judged];
  });
  return {
    tables: [
      { title: "size: Lambda bundles, kB", head: ["", "minified", "gzip", "goal", ""], rows },
    ],
    raw: measured,
  };
}
