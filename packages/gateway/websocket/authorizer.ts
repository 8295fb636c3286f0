import { type Report, identitySource } from "../auth/authorizer.ts";
import type { EventSource } from "../event.ts";
import { allowsInvoke } from "../auth/iam-policy.ts";
import { isRecord } from "../json.ts";
import { invoke } from "../lambda.ts";
import type { GatewayRequest } from "../request.ts";
import type { WebSocketAuthorizerConfig } from "./config.ts";

/** Whether a handshake may go on, and with what in `requestContext.authorizer`. */
type HandshakeVerdict =
  | { allowed: true; context: Record<string, unknown> }
  | { allowed: false; status: 401 | 403 | 500; error: string };

/** Guards `$connect`: asked with an event as JSON, unless the request lacks an identity. */
export type HandshakeAuthorizer = (
  request: GatewayRequest,
  source: EventSource,
  event: (methodArn: string) => string,
) => Promise<HandshakeVerdict>;

const TIMEOUT = 10_000; // milliseconds
/** https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html */
const MAX_RESULT = 8 * 1024; // bytes

/** Makes the authorizer; its verdicts are never cached. */
export function createHandshakeAuthorizer(
  name: string,
  { identitySource: expressions, handler }: WebSocketAuthorizerConfig,
  report: Report,
): HandshakeAuthorizer {
  const sources = expressions.map((expression) =>
    // The same places under other names: `route.request.header.X`, `context.X`.
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
    const failed = (error: unknown): HandshakeVerdict => {
      report({ what: `authorizer ${name} failed`, error, requestId: request.id });
      return refuse(500, "authorizer failed");
    };
    const invocation = await invoke(handler, name, event(arn), TIMEOUT);
    if (invocation.outcome === "timed-out") return failed(new Error("no result in time"));
    if (invocation.outcome === "failed") {
      const { error } = invocation;
      // The one text that means a refusal and no failure.
      const refused = error instanceof Error && error.message === "Unauthorized";
      return refused ? refuse(401, "refused") : failed(error);
    }
    const { value } = invocation;
    const given = isRecord(value) ? readResult(value) : undefined;
    const allowed = isRecord(value) ? allowsInvoke(value["policyDocument"], arn) : undefined;
    if (!given || allowed === undefined) return failed(new Error("its result has the wrong shape"));
    return allowed ? { allowed: true, context: given } : refuse(403, "denied");
  };
}

/** The principal and a flat context; undefined for what AWS does not take. */
function readResult(value: Record<string, unknown>): Record<string, unknown> | undefined {
  const { principalId, context = {} } = value;
  if (typeof principalId !== "string" || !isRecord(context)) return undefined;
  if (Object.values(context).some((part) => typeof part === "object" && part !== null)) {
    return undefined;
  }
  if (Buffer.byteLength(JSON.stringify(value)) > MAX_RESULT) return undefined;
  return { ...context, principalId };
}
