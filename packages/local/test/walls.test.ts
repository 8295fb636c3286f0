/** The walls between folders: each planted import must be an error, each legal one must not. */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../../..");

/** Forbidden imports. The files are new: no wall can know them by name. */
const FORBIDDEN: readonly (readonly [file: string, specifier: string])[] = [
  ["packages/core/src/money.ts", "./catalog/supplier.ts"],
  ["packages/core/src/store/lock.ts", "../catalog/supplier.ts"],
  ["packages/core/src/catalog/supplier.ts", "./user.ts"],
  ["packages/core/src/catalog/invoice.ts", "./reservation-record.ts"],
  ["packages/core/src/catalog/reservation-report.ts", "./user.ts"],
  ["packages/core/src/catalog/order.ts", "../changes/log.ts"],
  ["packages/core/src/catalog/inventory-count.ts", "./product.ts"],
  ["packages/core/src/aws/table.ts", "../store/tables.ts"],
  ["packages/core/src/aws/sns.ts", "@aws-sdk/client-sns"],
  ["packages/core/src/changes/topic.ts", "../live/send.ts"],
  ["packages/core/src/changes/stream.ts", "@aws-sdk/client-dynamodb"],
  ["packages/core/src/live/post.ts", "@aws-sdk/client-apigatewaymanagementapi"],
  ["packages/core/src/live/send.ts", "hono"],
  ["packages/core/src/live/delivery.ts", "@stockwire/gateway/lambda"],
  ["packages/core/src/store/protocol/retry.ts", "../dynamodb.ts"],
  ["packages/core/src/store/protocol/cbor.ts", "@aws-sdk/lib-dynamodb"],
  ["packages/functions/src/api/input.ts", "@stockwire/local/laptop"],
  ["packages/functions/src/api/app.ts", "hono/aws-lambda"],
  ["packages/functions/src/live/delivery-queue.ts", "@aws-sdk/client-sqs"],
  ["packages/client/src/http.ts", "zod"],
  ["packages/client/src/live.ts", "@stockwire/core/id"],
  ["packages/client/src/topic.ts", "hono/client"],
  ["packages/client/src/call.ts", "react"],
  ["packages/gateway/server.ts", "@stockwire/core/id"],
  ["packages/gateway/body.ts", "../core/src/id.ts"],
  ["packages/local/registry.ts", "@stockwire/bench/report"],
  ["packages/local/queue/topic.ts", "@stockwire/core/live/fan-out"],
  ["packages/local/transport/pipe.ts", "@stockwire/core/store/client"],
  ["packages/web-test/src/app.ts", "@stockwire/core/id"],
  ["infra/stage.ts", "@stockwire/core/id"],
  ["infra/partner/plan.ts", "@stockwire/core/id"],
];

const LEGAL: typeof FORBIDDEN = [
  ["packages/core/src/store/query.ts", "./protocol/cbor.ts"],
  ["packages/core/src/catalog/bundle.ts", "./inventory.ts"],
  ["packages/core/src/catalog/reservation.ts", "./reservation-report.ts"],
  ["packages/core/src/live/channel.ts", "../aws/client.ts"],
  ["packages/core/src/live/fan-out.ts", "../changes/log.ts"],
  ["packages/client/src/react.ts", "react"],
  ["packages/functions/src/handlers/http.ts", "hono/aws-lambda"],
  ["packages/functions/src/hosts/function-url.ts", "hono/aws-lambda"],
  ["packages/local/laptop.ts", "@stockwire/gateway/lambda"],
  ["packages/local/transport/stream.ts", "@stockwire/core/aws/http"],
  ["packages/web-test/src/connection.ts", "@stockwire/client/http"],
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stockwire-walls-"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  copyFileSync(join(root, "oxlint.config.ts"), join(folder, "oxlint.config.ts"));
  writeFileSync(join(folder, "tsconfig.json"), "{}");
  for (const [file, specifier] of [...FORBIDDEN, ...LEGAL]) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    const text = `import { planted } from "${specifier}";\nexport const use = planted;\n`;
    writeFileSync(join(folder, file), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the linter reports every import that crosses a wall, and no other", () => {
  const program = join(root, "node_modules/oxlint/bin/oxlint");
  const run = spawnSync(process.execPath, [program, "--format=json", "packages", "infra"], {
    cwd: folder,
  });
  const { diagnostics } = JSON.parse(run.stdout.toString()) as {
    diagnostics: { code: string; filename: string }[];
  };
  const reported = diagnostics
    .filter(({ code }) => code.includes("no-restricted-imports"))
    .map(({ filename }) => filename);
  expect(reported.toSorted()).toEqual(FORBIDDEN.map(([file]) => file).toSorted());
});
