/**
 * Settings per stage. Sizes are in this file. Facts of the account, none of them secret, come from
 * the environment; SST also reads `.env.<stage>` (https://sst.dev/docs/environment-variables/).
 */

import * as z from "zod";

/** An origin exactly as browsers send it, since API Gateway and the app compare texts. */
const Origin = z.url({ protocol: /^https?$/ }).superRefine((text, context) => {
  const origin = URL.parse(text)?.origin ?? text; // other faults are reported by the type
  if (text !== origin) context.addIssue(`${text} matches no browser: write it as ${origin}`);
});

/** Facts of an account, for one stage. */
const Account = z.object({
  /** Has a hosted zone in Route 53. The APIs get api.<domain> and live.<domain>. */
  STOCKWIRE_DOMAIN: z.hostname().optional(),
  /** Origins that browsers may call from, separated by commas; never `*`. */
  STOCKWIRE_ORIGINS: z
    .string()
    .transform((list) => list.split(","))
    .pipe(z.array(Origin).min(1))
    .optional(),
  /** Receives a mail when an alarm changes its state. `none` for a protected stage without mail. */
  STOCKWIRE_ALARM_EMAIL: z.email().or(z.literal("none")).optional(),
  /** An OIDC issuer to use instead of Cognito, and the `aud` of its tokens. */
  STOCKWIRE_ISSUER: z.url({ protocol: /^https$/ }).optional(),
  STOCKWIRE_AUDIENCE: z.string().min(1).optional(),
  /** Provisioned concurrency of the HTTP API's function; each environment is billed by the hour. */
  STOCKWIRE_PROVISIONED: z.coerce.number().int().min(0).default(0),
  /**
   * Reserved concurrency of `changes`; `deliver` and `sweep` get theirs too. Off by default, because
   * AWS refuses it unless 100 environments of the account's quota stay unreserved.
   * https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
   */
  STOCKWIRE_RESERVED: z.coerce.number().int().min(0).default(0),
  /** `1`: publish new versions of the functions, but leave their aliases where they are. */
  STOCKWIRE_HOLD: z.enum(["0", "1"]).default("0"),
  /** `1`: deploy the Partner API, a second public API, which no stage gets without being asked. */
  STOCKWIRE_PARTNER: z.enum(["0", "1"]).default("0"),
  /** Ranges of addresses (CIDR) that the Partner API refuses, separated by commas. */
  STOCKWIRE_PARTNER_DENIED: z
    .string()
    .transform((list) => list.split(","))
    .pipe(z.array(z.cidrv4().or(z.cidrv6())).min(1))
    .optional(),
  /** Makes the Partner API private: it can be reached through this VPC endpoint only. */
  STOCKWIRE_PARTNER_ENDPOINT: z
    .string()
    .regex(/^vpce-[0-9a-f]{8,17}$/)
    .optional(),
  /** Size of the Partner API's response cache in GB. Without it nothing is cached. Paid by the hour. */
  STOCKWIRE_PARTNER_CACHE: z
    .enum(["0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237"])
    .optional(),
  /** `1`: put AWS WAF in front of the Partner API. */
  STOCKWIRE_PARTNER_FIREWALL: z.enum(["0", "1"]).default("0"),
  /**
   * Reserved concurrency of `stream`: each reader of `GET /changes/stream` occupies an environment. Off
   * by default, as STOCKWIRE_RESERVED.
   */
  STOCKWIRE_PARTNER_READERS: z.coerce.number().int().min(0).default(0),
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

const STAGING: Size = {
  isProtected: false,
  memory: "1024 MB",
  logLevel: "info",
  tracing: true,
  routeMetrics: true,
};

const PRODUCTION: Size = { ...STAGING, isProtected: true };

/** `production`, and names such as `prod` and `prod-eu`: data must not depend on a spelling. */
const IS_PRODUCTION = /(?:^|-)(?:prod|prd|production)\d*(?:-|$)/;

function sizeOf(stage: string): Size {
  if (IS_PRODUCTION.test(stage)) return PRODUCTION;
  return stage === "staging" ? STAGING : SMALL;
}

/** True if the stage's data must survive. Knows all spellings, also of names that are refused. */
export const isProtected = (stage: string): boolean =>
  sizeOf(stage.toLowerCase().replaceAll("_", "-")).isProtected;

/**
 * The name becomes a part of the names of functions (64 characters) and of the domain of the Cognito
 * pool, which allows small letters, digits and hyphens, and none of three words.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
 */
function checkName(stage: string): void {
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(stage) || stage.length > 30) {
    const rule = "up to 30 small letters, digits and single hyphens, and starts with a letter";
    throw new Error(`The stage "${stage}" is refused: a name has ${rule}`);
  }
  const reserved = /aws|amazon|cognito/.exec(stage)?.[0];
  if (reserved) {
    throw new Error(`The stage "${stage}" is refused: Cognito allows no domain with "${reserved}"`);
  }
}

/** Settings of the Partner API; undefined for a stage that has none. */
function partnerOf(account: z.infer<typeof Account>) {
  const {
    STOCKWIRE_PARTNER_DENIED: denied,
    STOCKWIRE_PARTNER_ENDPOINT: vpcEndpoint,
    STOCKWIRE_PARTNER_CACHE: cacheSize,
    STOCKWIRE_PARTNER_FIREWALL: firewall,
    STOCKWIRE_PARTNER_READERS: reservedReaders,
  } = account;
  const hasFirewall = firewall === "1";
  if (account.STOCKWIRE_PARTNER === "1") {
    return { deniedRanges: denied ?? [], vpcEndpoint, cacheSize, hasFirewall, reservedReaders };
  }
  if (denied || vpcEndpoint || cacheSize || hasFirewall || reservedReaders > 0) {
    throw new Error(
      "Set STOCKWIRE_PARTNER=1: settings of the Partner API have no effect without it",
    );
  }
  return undefined;
}

/** Pages on the developer's machine. */
const LOCAL_ORIGINS = ["http://localhost:3000", "http://localhost:5173"];

/**
 * The variables one by one, or all as JSON in STOCKWIRE_ACCOUNT. The JSON exists for tests: SST lets
 * `.env` files override single variables.
 */
const variablesOf = ({ STOCKWIRE_ACCOUNT: account, ...environment }: NodeJS.ProcessEnv): unknown =>
  account === undefined ? environment : JSON.parse(account);

/**
 * Settings of a stage. Throws an error of one line for a name that AWS would refuse, for invalid
 * variables, and for a protected stage without a recipient of its alarms.
 */
export function settingsOf(stage: string, environment = process.env) {
  checkName(stage);
  const parsed = Account.safeParse(variablesOf(environment));
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`);
    throw new Error(faults.join("; "));
  }
  const account = parsed.data;
  const size = sizeOf(stage);
  const domain = account.STOCKWIRE_DOMAIN;
  const issuer = account.STOCKWIRE_ISSUER;
  const audience = account.STOCKWIRE_AUDIENCE;
  if ((issuer === undefined) !== (audience === undefined)) {
    throw new Error("Set both STOCKWIRE_ISSUER and STOCKWIRE_AUDIENCE, or neither");
  }
  const alarmEmail = account.STOCKWIRE_ALARM_EMAIL;
  if (size.isProtected && alarmEmail === undefined) {
    const need = "Set STOCKWIRE_ALARM_EMAIL to an address, or to `none`";
    throw new Error(`${need}: the alarms of the stage "${stage}" would reach no person`);
  }
  return {
    ...size,
    domains:
      domain === undefined
        ? undefined
        : { api: `api.${domain}`, live: `live.${domain}`, partner: `partner.${domain}` },
    origins: account.STOCKWIRE_ORIGINS ?? (size.isProtected ? [] : LOCAL_ORIGINS),
    alarmEmail: alarmEmail === "none" ? undefined : alarmEmail,
    otherIssuer: issuer && audience ? { issuer, audiences: [audience] } : undefined,
    provisionedConcurrency: account.STOCKWIRE_PROVISIONED,
    reservedConcurrency: account.STOCKWIRE_RESERVED,
    partner: partnerOf(account),
    holdsAliases: account.STOCKWIRE_HOLD === "1",
    commit: account.COMMIT,
    /** Must not change after the first deploy: the function compares it with the table's. */
    listShards: 4,
    changeRetentionDays: 30,
  };
}

/** Retention of all logs. */
export const LOG_DAYS = 14;
