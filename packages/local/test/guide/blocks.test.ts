/**
 * No code block of a document may be wrong unseen: each one is run or compared by a test, or is in
 * `NOT_RUN` with the reason. Needs no engine.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import { draw } from "../../guide/diagram.ts";
import { openGuide } from "../../guide/guide.ts";
import { type Fence, fencesOf } from "../page.ts";

const root = join(import.meta.dirname, "../../../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");

interface Rule {
  page: string;
  /** A kind of block, or how the code of one block starts. */
  kind?: string;
  starts?: string;
}

const RUN: readonly (Rule & { by: string })[] = [
  ...["bash", "text"].map((kind) => ({
    page: "docs/requirements.md",
    kind,
    by: "packages/local/test/readme.test.ts",
  })),
  ...["bash", "text", "bash server"].map((kind) => ({
    page: "docs/quick-start.md",
    kind,
    by: "packages/local/test/guide/quick-start.test.ts",
  })),
  ...["python", "go", "bash consumer python", "bash consumer go"].map((kind) => ({
    page: "docs/consumer.md",
    kind,
    by: "packages/local/test/guide/consumer.test.ts",
  })),
  ...["ts", "tsx"].map((kind) => ({
    page: "docs/add-a-resource.md",
    kind,
    by: "packages/local/test/guide/add-a-resource.test.ts",
  })),
  {
    page: "docs/gateway.md",
    starts: "npm run gateway-cases",
    by: "packages/local/test/commands.test.ts",
  },
  { page: "README.md", starts: "npm ci && npm run dev", by: "packages/local/test/readme.test.ts" },
  { page: "README.md", starts: "TOKEN=", by: "packages/local/test/readme.test.ts" },
  ...[
    'api localhost:3000/products -d \'{"name":"Signed',
    'api localhost:3000/products -d \'{"name":"Another',
    "ID=",
    "api localhost:3000/inventory",
    "npm run -s export",
  ].map((starts) => ({ page: "README.md", starts, by: "packages/local/test/readme.test.ts" })),
  { page: "README.md", starts: "npm run -s watch", by: "packages/local/test/readme.test.ts" },
  ...["sh", "tsx", "ts"].map((kind) => ({
    page: "packages/client/README.md",
    kind,
    by: "packages/local/consumer/package.test.ts",
  })),
  { page: "packages/gateway/README.md", kind: "ts", by: "packages/gateway/readme.test.ts" },
];

const AWS = "needs an AWS account and a stage";
const CHANGES =
  "shows commands that the reader chooses from; each is run by commands.test.ts or .ci/run";

const NOT_RUN: readonly (Rule & { reason: string })[] = [
  { page: "docs/requirements.md", kind: "bash aws", reason: AWS },
  ...[
    "aws configure sso",
    "npx sst diff",
    "API=…",
    "git checkout COMMIT",
    "STOCKWIRE_HOLD=1",
    "aws lambda list-versions",
    "git checkout PREVIOUS",
    "aws dynamodb restore",
    "npx sst remove",
    "aws apigateway get-api-key",
    "npm run keys -- create",
    "aws lambda create-alias",
  ].map((starts) => ({ page: "docs/deploy.md", starts, reason: AWS })),
  {
    page: "docs/add-a-resource.md",
    kind: "sh",
    reason:
      "changes many files of the checkout; the test of its code runs the scripts that it needs",
  },
  {
    page: "docs/deploy.md",
    starts: "# .env.production",
    reason: "a file of settings; infra/test/docs.test.ts compares its names with the code",
  },
  { page: "docs/runbook.md", starts: "aws logs tail", reason: AWS },
  { page: "docs/runbook.md", starts: "npm run redrive -- --stage", reason: AWS },
  { page: "docs/runbook.md", starts: "aws apigateway update-usage", reason: AWS },
  {
    page: "docs/runbook.md",
    starts: "filter status",
    reason: "a query of CloudWatch Logs Insights",
  },
  { page: "docs/hosts.md", starts: "CURSOR_SECRET=", reason: "needs Docker" },
  {
    page: "docs/hosts.md",
    kind: "js",
    reason: "needs a collector; packages/functions/test/tracing.test.ts registers such a provider",
  },
  { page: "docs/decisions/009-small-dynamodb-client.md", starts: "DYNAMODB_CLIENT", reason: AWS },
  {
    page: "README.md",
    starts: "curl -s localhost:3000/partner",
    reason:
      "needs the key that the first start prints; packages/local/partner/partner.test.ts sends it",
  },
  { page: "README.md", starts: "packages/core/", reason: "a list of folders, no code" },
  { page: "README.md", starts: "npx sst deploy", reason: AWS },
  { page: "CONTRIBUTING.md", starts: "npm ci", reason: CHANGES },
  { page: "CONTRIBUTING.md", starts: "reservation: release", reason: "a commit message" },
  { page: "packages/local/README.md", starts: "npm run dev", reason: CHANGES },
];

interface Found extends Fence {
  page: string;
}

const fences: Found[] = openGuide(root)
  .documents()
  .map(({ file }) => file)
  .flatMap((page) => fencesOf(read(page)).map((fence) => ({ page, ...fence })));

const isMeant = ({ page, kind, starts }: Rule, fence: Found): boolean =>
  page === fence.page &&
  (kind === undefined || kind === fence.kind) &&
  (starts === undefined || fence.code.startsWith(starts));

test("each block is run by a test, or is listed with the reason why not", () => {
  const open = fences.filter(
    (fence) =>
      !["mermaid", "json"].includes(fence.kind) &&
      [...RUN, ...NOT_RUN].filter((rule) => isMeant(rule, fence)).length !== 1,
  );
  expect(open.map(({ page, line, kind }) => `${page}:${line} ${kind}`)).toEqual([]);
  expect(fences.length).toBeGreaterThan(80);
});

test("each rule is about a block that exists, and a test that reads its page", () => {
  const unused = [...RUN, ...NOT_RUN].filter((rule) => !fences.some((one) => isMeant(rule, one)));
  expect(unused).toEqual([]);
  for (const { page, by } of RUN) {
    if (by.endsWith("commands.test.ts") || page.startsWith("packages/")) continue;
    expect([by, read(by).includes(page)]).toEqual([by, true]);
  }
});

/** The blocks of a kind, each with its place. */
const blocks = (is: (fence: Found) => boolean) =>
  fences.filter(is).map(({ page, line, code }) => [`${page}:${line}`, code] as const);

test.each(blocks(({ kind }) => kind === "json"))("%s is JSON", (_, code) => {
  expect(() => JSON.parse(code) as unknown).not.toThrow();
});

test.each(blocks(({ kind }) => kind === "mermaid"))("%s can be drawn", (_, code) => {
  expect(draw(code).svg).toMatch(/^<svg/);
});

test.each(blocks(({ kind, code }) => kind === "ts" && code.startsWith("import ")))(
  "%s is a module without syntax errors",
  (_, code) => {
    expect(() => stripTypeScriptTypes(code)).not.toThrow();
  },
);

test.each(blocks(({ kind }) => /^(?:sh|bash)\b/.test(kind)))(
  "%s is correct shell, with npm scripts that exist",
  (_, code) => {
    execFileSync("bash", ["-n"], { input: code });
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...code.matchAll(/\bnpm run (?:-s )?([\w:-]+)(?![\w:-]| -w)/g)].map(
      ([, name = ""]) => name,
    );
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  },
);
