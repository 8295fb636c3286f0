import * as z from "zod";

/**
 * What differs per stage. Facts of an account, which are no secrets, come from the environment: SST
 * reads `.env.<stage>` too (https://sst.dev/docs/environment-variables/).
 */

/** Settings of an account or a company, for one stage. */
const Account = z.object({
  /** Its hosted zone is in Route 53: the APIs are then at api.<domain> and live.<domain>. */
  STOCKWIRE_DOMAIN: z.hostname().optional(),
  /** Origins that browsers may call from, separated by commas; never `*`. */
  STOCKWIRE_ORIGINS: z
    .string()
    .transform((list) => list.split(","))
    .pipe(z.array(z.url({ protocol: /^https?$/ })).min(1))
    .optional(),
  /** Gets mail when an alarm goes off. */
  STOCKWIRE_ALARM_EMAIL: z.email().optional(),
  /** Another OIDC issuer in Cognito's place, with what its tokens have as `aud`. */
  STOCKWIRE_ISSUER: z.url({ protocol: /^https$/ }).optional(),
  STOCKWIRE_AUDIENCE: z.string().min(1).optional(),
  /** Environments of the API's function that are kept warm; each costs money by the hour. */
  STOCKWIRE_PROVISIONED: z.coerce.number().int().min(0).default(0),
  /** Shown by `GET /version`. */
  COMMIT: z.string().default("unknown"),
});

interface Size {
  /** Its data survive `sst remove`, and its tables refuse to be deleted. */
  isProtected: boolean;
  memory: `${number} MB`;
  /** Metrics travel in lines of `info`. */
  logLevel: "debug" | "info";
  /** X-Ray. */
  tracing: boolean;
  /** Metrics of each route besides those of each API: 0.30 USD a month for each that has traffic. */
  routeMetrics: boolean;
}

/** Safe, small, and with nothing that costs while nobody calls. */
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

/** Browsers on the developer's own machine. */
const LOCAL_ORIGINS = ["http://localhost:3000", "http://localhost:5173"];

/** All of them as JSON in STOCKWIRE_ACCOUNT, or each by its name; SST has `.env` files override the latter. */
const given = ({ STOCKWIRE_ACCOUNT: account, ...environment }: NodeJS.ProcessEnv): unknown =>
  account === undefined ? environment : JSON.parse(account);

/** The settings of a stage; one that has no entry here gets the small ones. */
export function settingsOf(stage: string, environment = process.env) {
  const account = Account.parse(given(environment));
  const size = Object.hasOwn(SIZES, stage) ? (SIZES[stage] ?? SMALL) : SMALL;
  const domain = account.STOCKWIRE_DOMAIN;
  const issuer = account.STOCKWIRE_ISSUER;
  const audience = account.STOCKWIRE_AUDIENCE;
  if ((issuer === undefined) !== (audience === undefined)) {
    throw new Error("STOCKWIRE_ISSUER and STOCKWIRE_AUDIENCE go together");
  }
  return {
    ...size,
    domains: domain === undefined ? undefined : { api: `api.${domain}`, live: `live.${domain}` },
    origins: account.STOCKWIRE_ORIGINS ?? (size.isProtected ? [] : LOCAL_ORIGINS),
    alarmEmail: account.STOCKWIRE_ALARM_EMAIL,
    otherIssuer: issuer && audience ? { issuer, audiences: [audience] } : undefined,
    provisionedConcurrency: account.STOCKWIRE_PROVISIONED,
    commit: account.COMMIT,
    /** Fixed when a stage is first deployed: its table remembers it. */
    listShards: 4,
    changeRetentionDays: 30,
  };
}

export const LOG_DAYS = 14;
