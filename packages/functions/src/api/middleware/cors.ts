import { cors } from "../policy.ts";

/** Whether pages of this origin may call. */
export const allowedOrigin = (origins: readonly string[], origin: string): boolean =>
  origins.includes("*") || origins.includes(origin);

/** The CORS headers of an answer; credentials never go with `*`. */
export function* corsHeaders(
  origins: readonly string[],
  origin: string | undefined,
): Generator<readonly [name: string, value: string]> {
  if (origins.includes("*")) {
    yield ["Access-Control-Allow-Origin", "*"];
  } else {
    yield ["Vary", "Origin"];
    if (origin === undefined || !origins.includes(origin)) return;
    yield ["Access-Control-Allow-Origin", origin];
    yield ["Access-Control-Allow-Credentials", "true"];
  }
  yield ["Access-Control-Allow-Methods", cors.methods.join(", ")];
  yield ["Access-Control-Allow-Headers", cors.headers.join(", ")];
  yield ["Access-Control-Expose-Headers", cors.exposed.join(", ")];
  yield ["Access-Control-Max-Age", String(cors.maxAge)];
}
