import { createClient } from "../../src/store/client.ts";
import * as SignedToken from "../../src/store/signed-token.ts";
import { newId } from "../../src/id.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import type { Writer } from "../../src/store/write.ts";

/** The engine that the test run started, and verbs that work on it. */

const { DYNAMODB_ENDPOINT, DATA_TABLE } = process.env;
if (!DYNAMODB_ENDPOINT || !DATA_TABLE) throw new Error("the tests' global set-up did not run");

export const endpoint: string = DYNAMODB_ENDPOINT;
export const tableName: string = DATA_TABLE;
export const SHARDS = 4;

/** More for an engine that needs it. */
export const timeout = Number(process.env["DYNAMODB_TIMEOUT_MS"] ?? 1_500);
const credentials = { accessKeyId: "local", secretAccessKey: "local" };

/** Points all verbs of this test file at the engine, or at something in front of it. */
export function use(at: string = endpoint, table: string = tableName) {
  const client = createClient({ region: "us-east-1", endpoint: at, credentials, timeout });
  DynamoDB.configure({ client, tableName: table, shards: SHARDS });
  SignedToken.configure("a secret of the tests, long enough for one");
  return client;
}

/** A request of Ana's; each call is another one. */
export const by = (overrides: Partial<Writer> = {}): Writer => ({
  actor: "ana",
  requestId: newId(),
  at: new Date().toISOString(),
  ...overrides,
});

/** The same request with an idempotency key. */
export const keyed = (key: string, fingerprint = "as first sent"): Writer =>
  by({ idempotency: { key, fingerprint } });

/** What `work` throws, or undefined. */
export const failure = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error;
  }
};
