import { build } from "esbuild";
import { expect, it } from "vitest";

/** The bundles as a browser gets them. */
it("holds the client's own files and Hono's client, and nothing that Node 20 lacks", async () => {
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
  for (const { contents, text } of outputFiles) {
    expect(contents.length).toBeLessThan(32 * 1024);
    expect(text).not.toMatch(/withResolvers|groupBy|Promise\.try|\.values\(\)\.|\.keys\(\)\./);
  }
});
