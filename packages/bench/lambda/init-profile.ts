/** A CPU profile of one cold start, by package and folder of the sources. */

import { build } from "esbuild";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { functionOptions, root } from "../../functions/scripts/bundle.ts";
import type { Context } from "../context.ts";
import { ownerOf } from "./owner.ts";

/** https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
interface Profile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number };
  }[];
  samples: number[];
  timeDeltas: number[]; // µs
}

/** Runs a function once in a new process. Returns ms of its own time for each owner of code. */
export async function profileInit(
  context: Context,
  entry: string,
  event: string,
): Promise<Map<string, number>> {
  const folder = await mkdtemp(join(context.dir, "profile-"));
  const outfile = join(folder, "index.mjs");
  await build({ ...functionOptions, entryPoints: [join(root, entry)], outfile });
  const profiled = ["--cpu-prof", "--cpu-prof-interval=200", `--cpu-prof-dir=${folder}`];
  const { coldProcess } = await context.bundles();
  const { env } = context;
  await promisify(execFile)(process.execPath, [...profiled, coldProcess, outfile, event], { env });
  const file = (await readdir(folder)).find((name) => name.endsWith(".cpuprofile")) ?? "";
  const profile = JSON.parse(await readFile(join(folder, file), "utf8")) as Profile;
  const map = JSON.parse(await readFile(`${outfile}.map`, "utf8")) as never;
  return timeByOwner(profile, new SourceMap(map));
}

function timeByOwner({ nodes, samples, timeDeltas }: Profile, map: SourceMap) {
  const owners = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber, columnNumber } }) => {
      if (functionName.startsWith("(")) return [id, functionName]; // the garbage collector, idle
      if (!url.endsWith("index.mjs")) return [id, "Node"];
      const entry = map.findEntry(lineNumber, columnNumber);
      return [id, "originalSource" in entry ? ownerOf(entry.originalSource) : "the bundle itself"];
    }),
  );
  const sums = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const owner = owners.get(id) ?? "other";
    sums.set(owner, (sums.get(owner) ?? 0) + (timeDeltas[index] ?? 0) / 1000);
  }
  return sums;
}
