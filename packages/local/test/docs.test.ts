/** Documents must not name files that do not exist. Needs no engine. */

import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");

const documents = globSync(["*.md", "docs/**/*.md", "packages/*/*.md"], { cwd: ROOT }).toSorted();
/** The change log names paths of the past, and the guide names files that its reader creates. */
const current = documents.filter(
  (document) => !["CHANGELOG.md", "docs/add-a-resource.md"].includes(document),
);

const read = (document: string) => readFileSync(join(ROOT, document), "utf8");
const withoutCode = (text: string) => text.replaceAll(/^```[\s\S]*?^```/gm, "");

/** Anchors of a document's headings, as GitHub makes them. */
const anchorsOf = (document: string): string[] =>
  [...withoutCode(read(document)).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

/** Relative links and pictures, as they are written. */
const linksOf = (document: string): string[] =>
  [...withoutCode(read(document)).matchAll(/\]\(([^)\s]+)\)|<img src="([^"]+)"/g)]
    .map(([, link, picture]) => link ?? picture ?? "")
    .filter((link) => !/^[a-z]+:/.test(link));

function resolves(document: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? document : relative(ROOT, resolve(ROOT, dirname(document), path));
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(target).includes(anchor);
}

/** Paths of the repository in a text, up to the first placeholder: `packages/core/src/**`. */
const pathsOf = (text: string): string[] =>
  [...text.matchAll(/(?<![\w./@-])(?:packages|infra|docs|\.ci)\/[\w./-]*/g)].map(([path]) =>
    path.replace(/[./]+$/, ""),
  );

test("documents are found", () => {
  expect(documents).toEqual(expect.arrayContaining(["README.md", "docs/contract.md"]));
});

test.each(documents)("every relative link of %s resolves, with its anchor", (document) => {
  expect(linksOf(document).filter((link) => !resolves(document, link))).toEqual([]);
});

test.each(current)("every path of the repository in %s exists", (document) => {
  const missing = pathsOf(read(document))
    .filter((path) => !path.includes("/dist/")) // what a build makes
    .filter((path) => !existsSync(join(ROOT, path)));
  expect(missing).toEqual([]);
});

test("every picture is shown by a document", () => {
  const shown = documents.flatMap((document) =>
    linksOf(document).map((link) => relative(ROOT, resolve(ROOT, dirname(document), link))),
  );
  const pictures = globSync("docs/**/*.{png,svg,gif,jpg}", { cwd: ROOT });
  expect(pictures.filter((picture) => !shown.includes(picture))).toEqual([]);
});

test("broken links and paths are recognised", () => {
  expect(resolves("README.md", "docs/nowhere.md")).toBe(false);
  expect(resolves("docs/deploy.md", "runbook.md#alarms")).toBe(true);
  expect(resolves("docs/deploy.md", "runbook.md#no-such-heading")).toBe(false);
  expect(pathsOf("see `packages/core/src/store/**`, https://x.example/docs/a and ../docs")).toEqual(
    ["packages/core/src/store"],
  );
});
