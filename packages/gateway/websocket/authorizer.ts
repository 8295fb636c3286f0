/**
 * The Lambda authorizer of WebSocket APIs. It runs once for each connection, before `$connect`, and its
 * result is never cached. A result that is not valid refuses the handshake.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
 */

import { identitySource } from "../auth/authorizer.ts";
import { allowsInvoke } from "../auth/iam-policy.ts";
import type { EventSource } from "../event.ts";
import { isRecord, member } from "../json.ts";
import { invoke } from "../lambda.ts";
import type { ReportError } from "../log.ts";
import type { GatewayRequest } from "../request.ts";
import type { WebSocketAuthorizerConfig } from "./config.ts";

/** The decision: the `requestContext.authorizer` of the connection's events, or a status. */
type HandshakeVerdict =
  | { allowed: true; context: Record<string, unknown> }
  | { allowed: false; status: 401 | 403 | 500; error: string };

/** Decides whether a handshake may continue. `event` makes the JSON event for the function. */
export type HandshakeAuthorizer = (
  request: GatewayRequest,
  source: EventSource,
  event: (methodArn: string) => string,
) => Promise<HandshakeVerdict>;

const TIMEOUT = 10_000; // milliseconds
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
const MAX_RESULT = 8 * 1024; // bytes

/** Creates the authorizer. Throws for an identity source that is not supported. */
export function createHandshakeAuthorizer(
  name: string,
  { identitySource: expressions, handler }: WebSocketAuthorizerConfig,
  report: ReportError,
): HandshakeAuthorizer {
  const sources = expressions.map((expression) =>
    // WebSocket APIs write `route.request.header.X` and `context.X` without the `$` of HTTP APIs.
    identitySource(expression.replace(/^route\.(?=request\.)|^(?=context\.)/, "$")),
  );
  const refuse = (status: 401 | 403 | 500, error: string): HandshakeVerdict => ({
    allowed: false,
    status,
    error,
  });

  return async (request, source, event) => {
    if (!sources.every((read) => read(request, source) !== undefined)) {
      return refuse(401, "no identity");
    }
    const { region, accountId, apiId } = source.api;
    const arn = `arn:aws:execute-api:${region}:${accountId}:${apiId}/${source.stage}/$connect`;
    const fail = (error: unknown): HandshakeVerdict => {
      report({ message: `authorizer ${name} failed`, error, requestId: request.id });
      return refuse(500, "authorizer failed");
    };
    const invocation = await invoke(handler, name, event(arn), TIMEOUT);
    if (invocation.outcome === "timed-out") return fail(new Error("no result in time"));
    if (invocation.outcome === "failed") {
      const { error } = invocation;
      // AWS takes an error with exactly this message for a refusal and not for a failure.
      const isRefusal = error instanceof Error && error.message === "Unauthorized";
      return isRefusal ? refuse(401, "refused") : fail(error);
    }
    const context = readContext(invocation.value);
    const allowed = allowsInvoke(member(invocation.value, "policyDocument"), arn);
    if (!context || allowed === undefined) return fail(new Error("its result has the wrong shape"));
    return allowed ? { allowed: true, context } : refuse(403, "denied");
  };
}

/** `principalId` and `context` in one object; undefined for a result that AWS refuses. */
function readContext(result: unknown): Record<string, unknown> | undefined {
  if (!isRecord(result)) return undefined;
  const { principalId, context = {} } = result;
  if (typeof principalId !== "string" || !isRecord(context)) return undefined;
  if (Object.values(context).some((value) => typeof value === "object" && value !== null)) {
    return undefined;
  }
  if (Buffer.byteLength(JSON.stringify(result)) > MAX_RESULT) return undefined;
  return { ...context, principalId };
}
