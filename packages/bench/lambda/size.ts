import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import type { Context } from "../context.ts";
import { fixed, type Report } from "../report.ts";

const GOALS: Readonly<Record<string, number>> = { http: 300 }; // kB
const OTHERS = 250; // kB

/** What is deployed, in kB. */
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
    const goal = GOALS[name] ?? OTHERS;
    const judged = name in bundles.deployed ? [`≤ ${goal}`, kB <= goal ? "met" : "not met"] : [];
    return [name, fixed(kB, 1), fixed(gzip, 1), ...judged];
  });
  return {
    tables: [
      { title: "size: Lambda bundles, kB", head: ["", "minified", "gzip", "goal", ""], rows },
    ],
    raw: measured,
  };
}
