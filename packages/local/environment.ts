/**
 * The environment of Stockwire's functions. Whatever differs between the laptop and AWS reaches them
 * through these variables, which infra sets on AWS.
 */

import { execFileSync, type StdioOptions } from "node:child_process";
import { readConfig } from "@stockwire/functions/config";
import type { Engine } from "./engine/dynamodb.ts";
import { deliveryQueueUrl, liveEndpoint, streamDeadLettersUrl } from "./live.ts";
import { LocalError, messageOf } from "./error.ts";
import { SQS_PATH } from "./queue/sqs.ts";
import { AUDIENCE, ROOT } from "./server-registry.ts";

/** The name of a table on this machine. */
export const tableName = (id: string): string =>
  `${process.env["STOCKWIRE_TABLE_PREFIX"] ?? "stockwire-"}${id}`;

/** Credentials of the AWS SDK. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

/** The credentials that functions sign requests with; undefined if the SDK finds them elsewhere. */
export function credentialsOf({ clientConfig }: Engine): Credentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (clientConfig.credentials) return clientConfig.credentials;
  return accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined;
}

/**
 * Sets the variables in `process.env`. Call it before the handlers are imported, because they read it
 * while they load. Variables that the user has set win over the defaults only. Throws LocalError if the
 * handlers would refuse one of them.
 */
export function setEnvironment(
  engine: Pick<Engine, "clientConfig">,
  url: string,
  cursorSecret: string,
): void {
  const defaults = { STAGE: "laptop", LOG_LEVEL: "warn", COMMIT: commit(), ALLOWED_ORIGINS: "*" };
  Object.assign(process.env, { ...defaults, ...process.env }, engineVariables(engine), {
    DATA_TABLE: tableName("Data"),
    CHANGES_TABLE: tableName("Changes"),
    CONNECTIONS_TABLE: tableName("Connections"),
    DELIVERY_QUEUE_URL: deliveryQueueUrl(url),
    STREAM_DEAD_LETTERS_URL: streamDeadLettersUrl(url),
    AWS_ENDPOINT_URL_SQS: `${url}${SQS_PATH}`,
    LIVE_ENDPOINT: liveEndpoint(url), // fixed: a client may have connected by another host name
    JWT_ISSUER: url,
    JWT_AUDIENCE: AUDIENCE,
    CURSOR_SECRET: cursorSecret,
    PUBLIC_SCHEME: "http",
  });
  try {
    readConfig(process.env);
  } catch (error) {
    throw new LocalError(messageOf(error), { cause: error });
  }
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html */
function engineVariables({ clientConfig }: Pick<Engine, "clientConfig">): Record<string, string> {
  const { endpoint, region, credentials } = clientConfig;
  return {
    // The SDK finds the developer's credentials for Amazon's DynamoDB, wherever they are.
    ...(endpoint ? { AWS_ENDPOINT_URL_DYNAMODB: endpoint } : { DYNAMODB_CLIENT: "sdk" }),
    ...(region && { AWS_REGION: region }),
    ...(credentials && {
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    }),
  };
}

/** The commit of the checkout, which `GET /version` shows. */
function commit(): string {
  try {
    const run = { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] satisfies StdioOptions };
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], run).toString().trim();
  } catch {
    return "unknown";
  }
}
