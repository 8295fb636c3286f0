import { DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { tables } from "@stockwire/core/store/tables";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDynamodb } from "../engine/dynamodb.ts";
import { LocalError } from "../error.ts";
import { createTables } from "../engine/tables.ts";

const GIVEN = "STOCKWIRE_TEST_RUN";

/**
 * Gives all tests of a run one engine, DYNAMODB_ENDPOINT or one of its own, with tables that no
 * other run uses. The tests find both in the environment: DYNAMODB_ENDPOINT, and DATA_TABLE for
 * the table Data.
 */
export default async function setup(): Promise<() => Promise<void>> {
  // Several projects of one run name this file: the first to come gives the engine to all.
  if (process.env[GIVEN] === String(process.pid)) return () => Promise.resolve();
  process.env[GIVEN] = String(process.pid);
  const dataDir = await mkdtemp(join(tmpdir(), "stockwire-test-"));
  const engine = await startDynamodb({ dataDir, log: () => undefined });
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
    await rm(dataDir, { recursive: true });
  };
}
