/**
 * The Partner API: a REST API in front of the same handler as the HTTP API, with tokens, API keys and
 * usage plans. Keys and counts are files of the data folder, so a quota holds across restarts and
 * `kill -9`.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { jsonLine } from "@stockwire/functions/telemetry/log";
import type { Concurrency } from "@stockwire/gateway/concurrency";
import type { LambdaHandler } from "@stockwire/gateway/lambda";
import type { RestLogRecord } from "@stockwire/gateway/log";
import { isBelow } from "@stockwire/gateway/rest/path";
import type { RestApi } from "@stockwire/gateway/rest/rest-api";
import { openUsageFile, type UsageStore } from "@stockwire/gateway/rest/usage";
import { PARTNER_STAGE } from "@stockwire/functions/partner/plan";
import { partnerApi, type PartnerSettings } from "../api-definition.ts";
import { changeStreamRoute } from "./change-stream.ts";
import { createFolder } from "../folder.ts";
import { createKey, keyFileOf, readKeys, usageFileOf, watchKeys } from "./key-file.ts";

export interface Partner {
  /** Answers requests below `/partner`; returns false for any other path. */
  handle(req: IncomingMessage, res: ServerResponse): boolean;
  /** The key of plan `basic` that the first start has created. It is in no file. */
  demoKey: string | undefined;
  stop(): void;
}

interface Options {
  dataDir: string;
  /** The function that serves the app. */
  handler: LambdaHandler;
  settings: PartnerSettings;
  /** The name of the table Data, which `/version` shows. */
  tableName: string;
  region: string | undefined;
  /** Shared with the HTTP API. */
  concurrency: Concurrency;
  log: (line: string) => void;
  accessLog: (record: RestLogRecord) => void;
  clock?: () => number; // epoch milliseconds
}

/**
 * Opens keys and counts. The API itself is created for its first request: its models, templates and
 * their libraries would take a quarter of every start.
 */
export async function startPartner(options: Options): Promise<Partner> {
  const { dataDir, log } = options;
  await createFolder(dataDir);
  const keyFile = keyFileOf(dataDir);
  const demoKey = readKeys(keyFile)
    ? undefined
    : (await createKey(keyFile, { name: "demo", plan: "basic" })).value;
  const usage = openUsageFile(usageFileOf(dataDir));
  let created: Promise<RestApi> | undefined;
  return {
    handle(req, res) {
      if (!isBelow(req.url ?? "", PARTNER_STAGE)) return false;
      created ??= createApi(options, keyFile, usage);
      created
        .then((api) => api.handle(req, res))
        .catch((error: unknown) => {
          log(`Partner API: ${String(error)}`);
          res.destroy();
        });
      return true;
    },
    demoKey,
    stop: () => usage.close(),
  };
}

/** The functions' environment must be set, because this imports handlers. */
async function createApi(
  { handler, settings, tableName, region, concurrency, log, accessLog, clock }: Options,
  keyFile: string,
  usage: UsageStore,
): Promise<RestApi> {
  const { createRestApi } = await import("@stockwire/gateway/rest/rest-api");
  const authorizer = await import("@stockwire/functions/handlers/authorizer");
  const hello = await import("@stockwire/functions/handlers/hello");
  const functions = {
    http: handler,
    hello: hello.handler,
    authorizer: authorizer.handler,
    stream: await changeStreamRoute(),
  };
  return createRestApi({
    ...partnerApi(functions, settings),
    stageVariables: { lambdaAlias: "laptop", tableName },
    apiKeys: watchKeys(keyFile, (error) => log(`API keys: ${String(error)}`)),
    usage,
    concurrency,
    ...(clock && { clock }),
    ...(region && { identity: { region } }),
    accessLog,
    onError: ({ message, error, requestId }) =>
      log(jsonLine({ level: "ERROR", message, error: String(error), requestId })),
  });
}
