import { build } from "esbuild";
import { expect, it } from "vitest";

it("is the client and Hono's for a browser, and nothing else", async () => {
  const entryPoints = ["http", "live"].map((name) => `${import.meta.dirname}/../src/${name}.ts`);
  const { metafile, outputFiles } = await build({
    entryPoints,
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    outdir: "dist",
    format: "esm",
    platform: "browser",
  });
  const foreign = Object.keys(metafile.inputs).filter(
    (path) =>
      !/(?:packages\/client\/src\/|node_modules\/hono\/dist\/(?:client|utils)\/)/.test(path),
  );
  expect(foreign).toEqual([]);
  for (const { contents } of outputFiles) expect(contents.length).toBeLessThan(32 * 1024);
});
