import type { Scope } from "@stockwire/core/catalog/index";
import { AppError } from "@stockwire/core/error";
import type { Context } from "hono";
import type { Env } from "./env.ts";
import type { Route } from "./route.ts";

/** The resource server's identifier, which Cognito writes before each of its scopes. */
export const RESOURCE_SERVER = "stockwire";

/** The caller, as a gateway has verified it. */
export interface Caller {
  sub: string;
  kind: "user" | "client";
  scopes: readonly string[];
  expiresAt: string | null; // ISO 8601, UTC
}

/** What gateways put into an event about the caller. Every value may be missing or malformed. */
export interface Authorizer {
  jwt?: { claims?: Record<string, unknown>; scopes?: readonly string[] | null };
  userId?: unknown;
  scope?: unknown;
  /** When the token expires, in epoch ms. */
  authExpiresAt?: unknown;
}

const PREFIX = new RegExp(`^${RESOURCE_SERVER}/`);

/**
 * Scopes with or without the resource server's prefix, as Cognito writes them. HTTP APIs pass a claim
 * that is an array as `[a b]`, and one that is an object as `map[name:value]`, which grants nothing.
 */
const scopesOf = (list: unknown): string[] => {
  const scopes: unknown[] = Array.isArray(list) ? list : textsIn(list);
  return scopes
    .filter((scope) => typeof scope === "string")
    .filter((scope) => scope !== "")
    .map((scope) => scope.replace(PREFIX, ""));
};

function textsIn(list: unknown): string[] {
  if (typeof list !== "string" || list.includes("map[")) return [];
  const [, text = list] = /^\[(.*)\]$/s.exec(list) ?? [];
  return text.split(" ");
}

/**
 * The caller that the gateway verified; undefined if it verified none. A Cognito ID token says who has
 * signed in to a page, not what its bearer may do: it is not a credential, although API Gateway lets it
 * pass. Tokens of other issuers have no `token_use`.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
 */
export function callerOf(authorizer: Authorizer | undefined): Caller | undefined {
  const claims = authorizer?.jwt?.claims;
  if (claims) {
    const { sub, client_id: clientId, scope, scp, exp, token_use: use } = claims;
    if (typeof sub !== "string" || sub === "") return undefined;
    if (use !== undefined && use !== "access") return undefined;
    return {
      sub,
      kind: sub === clientId ? "client" : "user",
      // A gateway accepts a token by either, so both count.
      scopes: [...new Set([...scopesOf(scope), ...scopesOf(scp)])],
      expiresAt: timeOf(exp),
    };
  }
  if (typeof authorizer?.userId === "string" && authorizer.userId !== "") {
    const { userId, scope, authExpiresAt } = authorizer;
    return {
      sub: userId,
      kind: "user",
      scopes: scopesOf(scope),
      expiresAt: authExpiresAt ? timeOf(Number(authExpiresAt) / 1000) : null,
    };
  }
  return undefined;
}

const timeOf = (epochSeconds: unknown): string | null => {
  const ms = Number(epochSeconds) * 1000;
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : null;
};

/**
 * What a host does instead of a gateway, for every route: verifies the caller, and refuses one that
 * sends too much. Resolves to undefined without a valid token.
 */
export type Gate = (c: Context<Env>, route: Route) => Promise<Caller | undefined>;

/**
 * Leaves the caller in the context: the one that the gate verifies, or without a gate the one that
 * the gateway verified. Throws `unauthenticated`, `insufficient_scope`.
 */
export async function authorize(c: Context<Env>, route: Route): Promise<void> {
  const { access, alsoNeeds } = route;
  const gate = c.get("gate");
  const caller = gate ? await gate(c, route) : callerOf(c.env?.requestContext?.authorizer);
  if (access === "open") return;
  if (caller === undefined)
    throw new AppError("unauthenticated", "A verified access token is needed");
  for (const scope of [access, alsoNeeds]) {
    if (scope !== undefined && scope !== "token") requireScope(caller, scope);
  }
  c.set("caller", caller);
}

/** True if these scopes include the scope, or `admin`. */
export const permits = ({ scopes }: Pick<Caller, "scopes">, scope: Scope): boolean =>
  scopes.includes(scope) || scopes.includes("admin");

/** Throws `insufficient_scope`. */
export function requireScope(caller: Caller, scope: Scope): void {
  if (permits(caller, scope)) return;
  throw new AppError("insufficient_scope", `This needs the scope ${scope}`);
}

/** Who writes, when and under which key, for core's verbs. */
export const writerOf = (c: Context<Env>) => {
  // Not `c.var`, which copies all variables each time.
  return {
    actor: c.get("caller").sub,
    requestId: c.get("requestId"),
    at: c.get("at"),
    clientRef: c.get("clientRef"),
    idempotency: c.get("idempotency"),
  };
};
