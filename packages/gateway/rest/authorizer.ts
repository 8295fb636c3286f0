/**
 * Lambda authorizers of REST APIs, type TOKEN and REQUEST. They return an IAM policy, which is cached
 * for the caller's credentials and evaluated again for each request: a policy that names one method
 * refuses all others while it is cached.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
 */

import { type Statement, evaluate, readCallerPolicy } from "../auth/iam-policy.ts";
import { createCache } from "../cache.ts";
import { isRecord, member } from "../json.ts";
import { type LambdaHandler, invoke } from "../lambda.ts";
import type { ReportError } from "../log.ts";
import type { GatewayRequest } from "../request.ts";
import { type RestSource, methodArn, requestPart } from "./event.ts";
import type { GatewayResponseType } from "./gateway-response.ts";

/** A Lambda authorizer. */
export type RestAuthorizerConfig = {
  handler: LambdaHandler;
  /** How long a policy is cached: 0 to 3600 seconds, 0 for never. Default: 300. */
  ttl?: number;
} & (
  | {
      type: "TOKEN";
      /** Such as `method.request.header.Authorization`. */
      identitySource: string;
      /** A token that does not match is refused without a call of the function. */
      identityValidationExpression?: string;
    }
  | {
      type: "REQUEST";
      /** Headers, query parameters, stage variables and `context.…`. Needed for caching. */
      identitySource: readonly string[];
    }
);

/** The decision about a request. */
export type RestVerdict =
  | {
      allowed: true;
      effect: "allow";
      context: Readonly<Record<string, unknown>>;
      /** The key of a caller whose API takes keys from its authorizer. */
      usageIdentifierKey: string | undefined;
      /** True if the policy allows `execute-api:InvalidateCache` too. */
      mayInvalidateCache: () => boolean;
    }
  | { allowed: false; effect: "deny" | "implicit" }
  | { allowed: false; effect: "error"; type: GatewayResponseType; reason: string };

/** Decides whether a request may invoke its method. Never rejects. */
export type RestAuthorizer = (request: GatewayRequest, source: RestSource) => Promise<RestVerdict>;

const DEFAULT_TTL = 300; // seconds
const MAX_TTL = 3600; // seconds
const TIMEOUT = 29_000; // milliseconds
const CACHED = 10_000; // policies
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
const MAX_POLICY = 8192; // bytes

const IDENTITY =
  /^(?:method\.request\.(header|querystring)\.(.+)|(stageVariables|context)\.([A-Za-z0-9_.]+))$/;

/** What a function returned, checked. */
interface Grant {
  policy: readonly Statement[];
  context: Readonly<Record<string, string>>;
  principalId: string;
  usageIdentifierKey: string | undefined;
}

/** Creates an authorizer. Throws for a configuration that AWS refuses. */
export function createRestAuthorizer(
  name: string,
  config: RestAuthorizerConfig,
  clock: () => number,
  report: ReportError,
): RestAuthorizer {
  const { ttl = DEFAULT_TTL, handler } = config;
  if (!(ttl >= 0 && ttl <= MAX_TTL)) {
    throw new Error(`authorizer ${name}: ttl must be 0 to ${MAX_TTL} seconds`);
  }
  const sources = [config.identitySource].flat().map((source) => identityOf(name, source));
  if (config.type === "REQUEST" && ttl > 0 && sources.length === 0) {
    throw new Error(`authorizer ${name}: caching needs an identity source`);
  }
  const expression =
    config.type === "TOKEN" && config.identityValidationExpression !== undefined
      ? patternOf(name, config.identityValidationExpression)
      : undefined;
  const grants = createCache<{ grant: Grant; expiresAt: number }>(CACHED);

  return async (request, source) => {
    const identity = sources.map((read) => read(request, source));
    // Without caching a REQUEST authorizer is called even if nothing identifies the caller.
    const isNeeded = config.type === "TOKEN" || ttl > 0;
    const isMissing = identity.some((value) => !value) && isNeeded;
    if (isMissing || (expression && !expression.test(identity[0] ?? ""))) {
      return { allowed: false, effect: "error", type: "UNAUTHORIZED", reason: "no identity" };
    }
    const key = identity.length === 1 ? (identity[0] ?? "") : JSON.stringify(identity);
    const cached = ttl > 0 ? grants.get(key) : undefined;
    const startedAt = performance.now();
    let grant = cached && cached.expiresAt > clock() ? cached.grant : undefined;
    let integrationLatency = 0;
    if (!grant) {
      const arn = methodArn(request, source);
      const event =
        config.type === "TOKEN"
          ? { type: "TOKEN", methodArn: arn, authorizationToken: identity[0] }
          : { type: "REQUEST", methodArn: arn, ...requestPart(request, source) };
      const invocation = await invoke(handler, name, JSON.stringify(event), TIMEOUT);
      integrationLatency = Math.round(performance.now() - startedAt);
      const fail = (type: GatewayResponseType, error: unknown): RestVerdict => {
        report({ message: `authorizer ${name} failed`, error, requestId: source.requestId });
        return { allowed: false, effect: "error", type, reason: String(error) };
      };
      if (invocation.outcome === "timed-out") {
        return fail("AUTHORIZER_FAILURE", new Error("no result in time"));
      }
      if (invocation.outcome === "failed") {
        // This text, and no other, means that the credentials are bad.
        return messageOf(invocation.error) === "Unauthorized"
          ? { allowed: false, effect: "error", type: "UNAUTHORIZED", reason: "refused" }
          : fail("AUTHORIZER_FAILURE", invocation.error);
      }
      grant = readGrant(invocation.value);
      if (!grant) {
        return fail("AUTHORIZER_CONFIGURATION_ERROR", new Error("its result has the wrong shape"));
      }
      if (ttl > 0) grants.set(key, { grant, expiresAt: clock() + ttl * 1000 });
    }
    const arn = methodArn(request, source);
    const { policy } = grant;
    const effect = evaluate(policy, arn, "execute-api:Invoke");
    if (effect !== "allow") return { allowed: false, effect };
    return {
      allowed: true,
      effect,
      context: { principalId: grant.principalId, ...grant.context, integrationLatency },
      usageIdentifierKey: grant.usageIdentifierKey,
      mayInvalidateCache: () => evaluate(policy, arn, "execute-api:InvalidateCache") === "allow",
    };
  };
}

/** Reads a result; undefined if it is not one that API Gateway accepts. */
function readGrant(result: unknown): Grant | undefined {
  const principalId = member(result, "principalId");
  const document = member(result, "policyDocument");
  const policy = readCallerPolicy(document);
  const context = member(result, "context") ?? {};
  const usageIdentifierKey = member(result, "usageIdentifierKey") ?? undefined;
  if (typeof principalId !== "string" || !isRecord(context) || !policy) return undefined;
  if (JSON.stringify(document).length > MAX_POLICY) return undefined;
  if (usageIdentifierKey !== undefined && typeof usageIdentifierKey !== "string") return undefined;
  const values: Record<string, string> = {};
  for (const [key, value] of Object.entries(context)) {
    // Objects and arrays are not allowed; all other values reach the integration as text.
    if (!["string", "number", "boolean"].includes(typeof value)) return undefined;
    values[key] = String(value);
  }
  return { principalId, policy, context: values, usageIdentifierKey };
}

type ReadIdentity = (request: GatewayRequest, source: RestSource) => string | undefined;

function identityOf(name: string, expression: string): ReadIdentity {
  const [, where, parameter = "", other, variable = ""] = IDENTITY.exec(expression) ?? [];
  if (where === "header") return ({ headers }) => headers.get(parameter.toLowerCase());
  if (where === "querystring") {
    return ({ query }) => query.findLast(([key]) => key === parameter)?.[1];
  }
  if (other === "stageVariables") return (_, { stageVariables }) => stageVariables?.[variable];
  if (other === "context") {
    if (variable === "httpMethod") return ({ method }) => method;
    if (variable === "path") return ({ encodedPath }) => encodedPath;
    if (variable === "stage") return (_, { stage }) => stage;
    if (variable === "identity.sourceIp") return ({ sourceIp }) => sourceIp;
  }
  throw new Error(`authorizer ${name}: ${expression} is not a supported identity source`);
}

function patternOf(name: string, expression: string): RegExp {
  try {
    return new RegExp(expression);
  } catch (error) {
    throw new Error(`authorizer ${name}: ${expression} is not a regular expression`, {
      cause: error,
    });
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
