import { originalStack } from "./stack.ts";

const LEVELS = { debug: 10, info: 20, warn: 30, error: 40, silent: 100 } as const;

export type LogLevel = keyof typeof LEVELS;

/** Writes structured lines. Callers must not pass a body, token, key, email address or phone number. */
export interface Log {
  /** `fields` is only called if lines of this level are written; it redacts what it returns. */
  debug(message: string, fields: () => Record<string, unknown>): void;
  info(message: string, fields: Record<string, unknown>): void;
  error(message: string, error: unknown, fields: Record<string, unknown>): void;
}

/** Writes one JSON object per line, with the keys that Powertools for AWS Lambda uses. */
export function createLog(
  threshold: LogLevel,
  service: string,
  write: (line: string) => void = (line) => process.stdout.write(line),
): Log {
  const log = (level: Exclude<LogLevel, "silent">, message: string, fields: object) => {
    if (LEVELS[level] < LEVELS[threshold]) return;
    const timestamp = new Date().toISOString();
    const line = { level: level.toUpperCase(), message, timestamp, service, ...trace(), ...fields };
    write(`${jsonLine(line)}\n`);
  };
  return {
    debug: (message, fields) => {
      if (LEVELS[threshold] <= LEVELS.debug) log("debug", message, fields());
    },
    info: (message, fields) => log("info", message, fields),
    error: (message, error, fields) =>
      log("error", message, { ...fields, error: described(error) }),
  };
}

/**
 * Lambda puts the trace of each invocation into the environment: `Root=1-5759e988-bd86;Parent=…;Sampled=1`.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
function trace(): { xray_trace_id?: string } {
  const id = /^Root=([^;]+)/.exec(process.env["_X_AMZN_TRACE_ID"] ?? "")?.[1];
  return id === undefined ? {} : { xray_trace_id: id };
}

/** JSON on one line for every reader: some readers end lines at U+2028 and U+2029, too. */
export const jsonLine = (value: unknown): string =>
  JSON.stringify(value).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");

function described(error: unknown): unknown {
  if (!(error instanceof Error)) return { name: "NonError" };
  const { name, message, stack, cause } = error;
  const { ThrottlingReasons: throttling } = error as { ThrottlingReasons?: unknown };
  return {
    name,
    message,
    ...(throttling !== undefined && { throttling }), // for example TableWriteKeyRangeThroughputExceeded
    stack: originalStack(stack),
    ...(cause !== undefined && { cause: described(cause) }),
  };
}
