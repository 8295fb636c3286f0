/**
 * Settings per stage. Sizes are in this file. Facts of the account, none of them secret, come from
 * the environment; SST also reads `.env.<stage>` (https://sst.dev/docs/environment-variables/).
 */

import * as z from "zod";

/** Facts of an account, for one stage. */
const Account = z.object({
  /** Has a hosted zone in Route 53. The APIs get api.<domain> and live.<domain>. */
  STOCKWIRE_DOMAIN: z.hostname().optional(),
  /** Origins that browsers may call from, separated by commas; never `*`. */
  STOCKWIRE_ORIGINS: z
    .string()
    .transform((list) => list.split(","))
    .pipe(z.array(z.url({ protocol: /^https?$/ })).min(1))
    .optional(),
  /** Receives a mail when an alarm changes its state. */
  STOCKWIRE_ALARM_EMAIL: z.email().optional(),
  /** An OIDC issuer to use instead of Cognito, and the `aud` of its tokens. */
  STOCKWIRE_ISSUER: z.url({ protocol: /^https$/ }).optional(),
  STOCKWIRE_AUDIENCE: z.string().min(1).optional(),
  /** Provisioned concurrency of the HTTP API's function; each environment is billed by the hour. */
  STOCKWIRE_PROVISIONED: z.coerce.number().int().min(0).default(0),
  /** Shown by `GET /version`. */
  COMMIT: z.string().default("unknown"),
});

interface Size {
  /** True if tables have deletion protection and `sst remove` keeps the data. */
  isProtected: boolean;
  memory: `${number} MB`;
  /** Metrics are part of `info` lines, so a higher level would lose them. */
  logLevel: "debug" | "info";
  /** Traces requests with X-Ray. */
  tracing: boolean;
  /** Metrics per route: 0.30 USD a month for each metric of a route that has traffic. */
  routeMetrics: boolean;
}

/** The default: small, unprotected, and almost free of charge while idle. */
const SMALL: Size = {
  isProtected: false,
  memory: "512 MB",
  logLevel: "debug",
  tracing: false,
  routeMetrics: false,
};

const SIZES: Readonly<Record<string, Size>> = {
  dev: SMALL,
  staging: { ...SMALL, memory: "1024 MB", logLevel: "info", tracing: true, routeMetrics: true },
  production: {
    isProtected: true,
    memory: "1024 MB",
    logLevel: "info",
    tracing: true,
    routeMetrics: true,
  },
};

/** Pages on the developer's machine. */
const LOCAL_ORIGINS = ["http://localhost:3000", "http://localhost:5173"];

/**
 * The variables one by one, or all as JSON in STOCKWIRE_ACCOUNT. The JSON exists for tests: SST lets
 * `.env` files override single variables.
 */
const variablesOf = ({ STOCKWIRE_ACCOUNT: account, ...environment }: NodeJS.ProcessEnv): unknown =>
  account === undefined ? environment : JSON.parse(account);

/** Settings of a stage. A stage without an entry in SIZES gets SMALL. Throws on invalid variables. */
export function settingsOf(stage: string, environment = process.env) {
  const account = Account.parse(variablesOf(environment));
  const size = Object.hasOwn(SIZES, stage) ? (SIZES[stage] ?? SMALL) : SMALL;
  const domain = account.STOCKWIRE_DOMAIN;
  const issuer = account.STOCKWIRE_ISSUER;
  const audience = account.STOCKWIRE_AUDIENCE;
  if ((issuer === undefined) !== (audience === undefined)) {
    throw new Error("Set both STOCKWIRE_ISSUER and STOCKWIRE_AUDIENCE, or neither");
  }
  return {
    ...size,
    domains: domain === undefined ? undefined : { api: `api.${domain}`, live: `live.${domain}` },
    origins: account.STOCKWIRE_ORIGINS ?? (size.isProtected ? [] : LOCAL_ORIGINS),
    alarmEmail: account.STOCKWIRE_ALARM_EMAIL,
    otherIssuer: issuer && audience ? { issuer, audiences: [audience] } : undefined,
    provisionedConcurrency: account.STOCKWIRE_PROVISIONED,
    commit: account.COMMIT,
    /** Must not change after the first deploy: the function compares it with the table's. */
    listShards: 4,
    changeRetentionDays: 30,
  };
}

/** Retention of all logs. */
export const LOG_DAYS = 14;
