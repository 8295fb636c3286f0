import { type Client, createClient } from "@stockwire/core/store/client";
import { tables } from "@stockwire/core/store/tables";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDynamodb } from "@stockwire/local/engine/dynamodb";
import { memoryFolder } from "@stockwire/local/engine/memory-folder";
import { createTables } from "@stockwire/local/engine/tables";
import { type Bundles, bundle } from "./lambda/bundle.ts";
import { type Items, seedItems } from "./seed.ts";

/**
 * What the sections of a run share: an engine of the run's own and a folder, both removed at its
 * end. The developer's own data are never used.
 */
export interface Context {
  /** True if the sections only have to run, with the smallest counts. */
  smoke: boolean;
  dir: string;
  endpoint: string;
  /** The environment of a deployed function. */
  env: Record<string, string>;
  /** Items in the table, for Stockwire and for the handlers that it is compared with. */
  items: Items;
  bundles(): Promise<Bundles>;
  /** Creates the three tables, empty. `name` must be new. */
  newTables(name: string): Promise<NewTables>;
  close(): Promise<void>;
}

interface NewTables {
  client: Client;
  /** The name of Data. */
  tableName: string;
  env: Record<string, string>;
}

export const SHARDS = 4;
export const CURSOR_SECRET = "a secret of the benchmark, long enough for one";
const REGION = "us-east-1";
const PATIENCE = 20_000; // ms for a call; a machine that is busy must not end a section
const CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };

/**
 * Starts the engine, with its files in a folder, and fills the tables. The folder is in memory, so that
 * figures do not depend on this machine's disk. Throws LocalError if there is no engine.
 */
export async function openContext(smoke: boolean, folder = memoryFolder()): Promise<Context> {
  const dir = await mkdtemp(join(tmpdir(), "stockwire-bench-"));
  const dataDir = await mkdtemp(join(folder, "stockwire-bench-engine-"));
  const removeDir = async () => {
    for (const each of [dir, dataDir]) await rm(each, { recursive: true, force: true });
  };
  try {
    const engine = await startDynamodb({
      dataDir,
      log: (line) => console.error(line),
      env: { ...process.env, DYNAMODB_ENDPOINT: undefined },
    });
    const endpoint = engine.endpoint ?? "";
    const close = async () => {
      await engine.stop();
      await removeDir();
    };
    try {
      return await fill({ smoke, dir, endpoint, close });
    } catch (error) {
      await close();
      throw error;
    }
  } catch (error) {
    await removeDir();
    throw error;
  }
}

async function fill(
  opened: Pick<Context, "smoke" | "dir" | "endpoint" | "close">,
): Promise<Context> {
  const { dir, endpoint } = opened;
  const newTables = async (name: string): Promise<NewTables> => {
    const nameOf = (id: string) => `${name}-${id}`;
    const admin = new DynamoDBClient({ endpoint, region: REGION, credentials: CREDENTIALS });
    await createTables(admin, tables, nameOf);
    admin.destroy();
    const client = createClient({
      region: REGION,
      endpoint,
      credentials: CREDENTIALS,
      timeout: PATIENCE,
    });
    const env = Object.fromEntries(
      tables.map(({ id }) => [`${id.toUpperCase()}_TABLE`, nameOf(id)]),
    );
    return { client, tableName: nameOf("Data"), env };
  };
  const { client, tableName, env } = await newTables("bench");
  let bundles: Promise<Bundles> | undefined;
  return {
    ...opened,
    env: { ...environment(endpoint), ...env, TMPDIR: dir },
    items: await seedItems(client, tableName, SHARDS),
    bundles: () => (bundles ??= bundle(dir)),
    newTables,
  };
}

const environment = (endpoint: string) => ({
  PATH: process.env["PATH"] ?? "",
  AWS_REGION: REGION,
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  AWS_ENDPOINT_URL_DYNAMODB: endpoint,
  LIST_SHARDS: String(SHARDS),
  CURSOR_SECRET,
  JWT_ISSUER: "https://issuer.example.com",
  ALLOWED_ORIGINS: "https://app.example.com",
  LOG_LEVEL: "info",
  STAGE: "bench",
});
