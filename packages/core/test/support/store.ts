/** The engine that the test run has started, and writers for tests. */

import { createClient } from "../../src/store/client.ts";
import { createDocumentClient } from "../../src/store/sdk-client.ts";
import * as SignedToken from "../../src/store/signed-token.ts";
import { newId } from "../../src/id.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import type { Writer } from "../../src/store/write.ts";

const { DYNAMODB_ENDPOINT, DATA_TABLE } = process.env;
if (!DYNAMODB_ENDPOINT || !DATA_TABLE) throw new Error("the global setup of the tests did not run");

export const endpoint: string = DYNAMODB_ENDPOINT;
export const tableName: string = DATA_TABLE;
export const SHARDS = 4;
/** Signs cursors and page tokens. */
export const SECRET = "a secret for tests that is long enough";

const givenTimeout = process.env["DYNAMODB_TIMEOUT_MS"]; // for an engine that needs more
/** Ms for one call: more than a call takes on a busy machine. */
export const timeout = Number(givenTimeout ?? 5_000);
/** Ms for one call in tests of what happens after it. */
export const shortTimeout = Number(givenTimeout ?? 1_100);
const credentials = { accessKeyId: "local", secretAccessKey: "local" };

/** The SDK's client, for what the store never does: scans, and making tables. */
export const documents = createDocumentClient({ region: "us-east-1", endpoint, credentials });

/** Configures all verbs of this test file with the engine, or with a proxy in front of it. */
export function use(at: string = endpoint, table: string = tableName, callTimeout = timeout) {
  const client = createClient({
    region: "us-east-1",
    endpoint: at,
    credentials,
    timeout: callTimeout,
  });
  DynamoDB.configure({ client, tableName: table, shards: SHARDS });
  SignedToken.configure(SECRET);
  return client;
}

/** Returns the writer of a new request, by default of Ana. */
export const by = (overrides: Partial<Writer> = {}): Writer => ({
  actor: "ana",
  requestId: newId(),
  at: new Date().toISOString(),
  ...overrides,
});

/** Returns the writer of a new request with an idempotency key. */
export const keyed = (key: string, fingerprint = "the same request"): Writer =>
  by({ idempotency: { key, fingerprint } });

/** Returns what `work` rejects with; undefined if it resolves. */
export const failure = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error;
  }
};
