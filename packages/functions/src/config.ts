import * as z from "zod";
import { METRIC_LEVELS } from "./telemetry/metric.ts";

/** The settings of a process, from its environment. Only runtime.ts reads them. */
export const Config = z.object({
  AWS_REGION: z.string().min(1).default("us-east-1"),
  AWS_ENDPOINT_URL_DYNAMODB: z.url().optional(),
  /** Time limit of one attempt of a DynamoDB call; a call takes up to three attempts. */
  DYNAMODB_TIMEOUT_MS: z.coerce.number().int().min(100).max(6_000).default(1_500),
  DATA_TABLE: z.string().min(1),
  CHANGES_TABLE: z.string().min(1),
  CONNECTIONS_TABLE: z.string().min(1),
  /** After how long `GET /changes/stream` ends; the function's own time limit must be longer. */
  CHANGE_STREAM_SECONDS: z.coerce.number().int().min(1).max(840).default(240),
  /** How long changes can be read. */
  CHANGE_RETENTION_DAYS: z.coerce.number().int().min(1).max(3650).default(30),
  /** The SQS queue for deliveries to many connections; without it the function sends them itself. */
  DELIVERY_QUEUE_URL: z.url().optional(),
  /** The SQS queue for stream records that cannot be read; without it they are repeated. */
  STREAM_DEAD_LETTERS_URL: z.url().optional(),
  AWS_ENDPOINT_URL_SQS: z.url().optional(),
  /** The management endpoint that frames are sent to; by default the domain of the connection. */
  LIVE_ENDPOINT: z.url().optional(),
  /**
   * The issuer of tokens that open a live connection. Its keys are found through
   * `<issuer>/.well-known/openid-configuration`. The HTTP API's gateway has its own setting.
   */
  JWT_ISSUER: z.url().optional(),
  JWT_AUDIENCE: z
    .string()
    .min(1)
    .default("stockwire")
    .transform((list) => list.split(",")),
  /** Shards of each unfiltered list. Fixed when a stage is first deployed; the table stores it. */
  LIST_SHARDS: z.coerce.number().int().min(1).max(64).default(4),
  /** Signs cursors and page tokens, in the functions that do. */
  CURSOR_SECRET: z.string().min(32).optional(),
  STAGE: z.string().min(1).default("dev"),
  COMMIT: z.string().default("unknown"),
  LOG_LEVEL: z
    .string()
    .toLowerCase()
    // Levels that AWS has and this log does not.
    .transform((level) => ({ trace: "debug", fatal: "error" })[level] ?? level)
    .pipe(z.enum(["debug", "info", "warn", "error", "silent"]))
    .default("info"),
  METRICS: z.enum(METRIC_LEVELS).default("off"),
  /** `*`, or the origins that browsers may call from, separated by commas. */
  ALLOWED_ORIGINS: z
    .string()
    .default("")
    .transform((list) => list.split(",").flatMap((origin) => origin.trim() || []))
    .refine((origins) => origins.length === 1 || !origins.includes("*"), {
      error: "* does not go with other origins",
    }),
  /** `https` if a gateway ends TLS: answers then carry Strict-Transport-Security. */
  PUBLIC_SCHEME: z.enum(["http", "https"]).default("https"),
});
export type Config = z.output<typeof Config>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws one error that names each missing or invalid setting, without its value. */
export const readConfig = (environment: Environment): Config => readAs(Config, environment);

/** Reads the settings of a schema. Throws as `readConfig` does. */
export function readAs<T>(schema: z.ZodType<T>, environment: Environment): T {
  const result = schema.safeParse(environment);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new Error(`Configuration: ${faults.join("; ")}`);
}
