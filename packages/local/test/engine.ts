import { DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { tables } from "@stockwire/core/store/tables";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ignoreAwsSettings } from "../aws-settings.ts";
import { startDynamodb } from "../engine/dynamodb.ts";
import { memoryFolder } from "../engine/memory-folder.ts";
import { LocalError } from "../error.ts";
import { createTables } from "../engine/tables.ts";

const STARTED_BY = "STOCKWIRE_TEST_RUN";

/**
 * Global setup of vitest: one engine for all tests of a run, DYNAMODB_ENDPOINT or a new one, with
 * tables that no other run uses. Tests find them in the environment: DYNAMODB_ENDPOINT, and DATA_TABLE
 * and so on for the names of the tables.
 */
export default async function setup(): Promise<() => Promise<void>> {
  // Several projects of a run have this setup; the first one starts the engine for all.
  if (process.env[STARTED_BY] === String(process.pid)) return () => Promise.resolve();
  process.env[STARTED_BY] = String(process.pid);
  ignoreAwsSettings();
  const folder = makeRunFolder();
  const engine = await startDynamodb({ dataDir: join(folder, "engine"), log: () => undefined });
  if (!engine.endpoint)
    throw new LocalError("the tests do not run on AWS: unset DYNAMODB_ENDPOINT");

  Object.assign(process.env, {
    DYNAMODB_ENDPOINT: engine.endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
  const prefix = `test-${randomBytes(6).toString("hex")}-`;
  const client = new DynamoDBClient({ endpoint: engine.endpoint });
  await createTables(client, tables, (id) => prefix + id);
  for (const { id } of tables) process.env[`${id.toUpperCase()}_TABLE`] = prefix + id;

  return async () => {
    if (engine.kind === "external") {
      for (const { id } of tables) {
        await client.send(new DeleteTableCommand({ TableName: prefix + id }));
      }
    }
    client.destroy();
    await engine.stop();
  };
}

/**
 * The folder for the temporary files of the run, with the engine's: in memory, unless TMPDIR says where.
 * Tests and the programs that they start find it in TMPDIR. It is removed at the end.
 */
function makeRunFolder(): string {
  const parent = process.env["TMPDIR"] ?? memoryFolder();
  const folder = mkdtempSync(join(parent, "stockwire-test-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  process.env["TMPDIR"] = folder;
  return folder;
}
