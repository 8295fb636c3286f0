import { createClient } from "@stockwire/core/store/client";
import { tables } from "@stockwire/core/store/tables";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDynamodb } from "@stockwire/local/engine/dynamodb";
import { createTables } from "@stockwire/local/engine/tables";
import { type Bundles, bundle } from "./lambda/bundle.ts";
import { type Items, seedItems } from "./seed.ts";

/** What all sections of a run share: an engine of its own and a folder that go when it ends. */
export interface Context {
  dir: string;
  endpoint: string;
  /** What a deployed function is told by its environment. */
  env: Record<string, string>;
  /** Items in the table, for ours and for those that we are compared with. */
  items: Items;
  bundles(): Promise<Bundles>;
  /** A client, and a new empty table for it. */
  newTable(name: string): Promise<{ client: DynamoDBDocumentClient; tableName: string }>;
  close(): Promise<void>;
}

export const SHARDS = 4;
const REGION = "us-east-1";
const CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };

/** Starts the engine and fills the table. Throws LocalError where there is no engine. */
export async function openContext(): Promise<Context> {
  const dir = await mkdtemp(join(tmpdir(), "stockwire-bench-"));
  const removeDir = () => rm(dir, { recursive: true, force: true });
  try {
    const engine = await startDynamodb({
      dataDir: join(dir, "data"),
      log: (line) => console.error(line),
      env: { ...process.env, DYNAMODB_ENDPOINT: undefined },
    });
    const endpoint = engine.endpoint ?? "";
    const close = async () => {
      await engine.stop();
      await removeDir();
    };
    try {
      return await fill({ dir, endpoint, close });
    } catch (error) {
      await close();
      throw error;
    }
  } catch (error) {
    await removeDir();
    throw error;
  }
}

async function fill(opened: Pick<Context, "dir" | "endpoint" | "close">): Promise<Context> {
  const { dir, endpoint } = opened;
  const newTable = async (name: string) => {
    const plain = new DynamoDBClient({ endpoint, region: REGION, credentials: CREDENTIALS });
    await createTables(plain, tables, (id) => `${name}-${id}`);
    plain.destroy();
    const client = createClient({ region: REGION, endpoint, credentials: CREDENTIALS });
    return { client, tableName: `${name}-Data` };
  };
  const { client, tableName } = await newTable("bench");
  let bundles: Promise<Bundles> | undefined;
  return {
    ...opened,
    env: environment(endpoint, tableName),
    items: await seedItems(client, tableName, SHARDS),
    bundles: () => (bundles ??= bundle(dir)),
    newTable,
  };
}

const environment = (endpoint: string, tableName: string) => ({
  PATH: process.env["PATH"] ?? "",
  AWS_REGION: REGION,
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  AWS_ENDPOINT_URL_DYNAMODB: endpoint,
  DATA_TABLE: tableName,
  LIST_SHARDS: String(SHARDS),
  CURSOR_SECRET: "a secret of the benchmark, long enough for one",
  ALLOWED_ORIGINS: "https://app.example.com",
  LOG_LEVEL: "info",
  STAGE: "bench",
});
