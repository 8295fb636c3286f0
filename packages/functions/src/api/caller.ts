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
  principalId?: unknown;
  userId?: unknown;
  scope?: unknown;
}

const PREFIX = new RegExp(`^${RESOURCE_SERVER}/`);

/** Scopes with or without the resource server's prefix, as Cognito writes them. */
const scopesOf = (list: unknown): string[] => {
  const scopes: unknown[] = Array.isArray(list) ? list : [];
  // HTTP APIs pass a claim that is a list as "[a b]".
  return (typeof list === "string" ? list.split(/[\s[\]]+/) : scopes)
    .filter((scope) => typeof scope === "string")
    .filter((scope) => scope !== "")
    .map((scope) => scope.replace(PREFIX, ""));
};

/** The caller that the gateway verified; undefined if it verified none. */
export function callerOf(authorizer: Authorizer | undefined): Caller | undefined {
  const claims = authorizer?.jwt?.claims;
  if (claims) {
    const { sub, client_id: clientId, scope, scp, exp } = claims;
    if (typeof sub !== "string" || sub === "") return undefined;
    return {
      sub,
      kind: sub === clientId ? "client" : "user",
      // A gateway accepts a token by either, so both count.
      scopes: [...new Set([...scopesOf(scope), ...scopesOf(scp)])],
      expiresAt: timeOf(exp),
    };
  }
  if (typeof authorizer?.userId === "string" && authorizer.userId !== "") {
    const { userId, scope } = authorizer;
    return {
      sub: userId,
      kind: "user",
      scopes: scopesOf(scope),
      expiresAt: null,
    };
  }
  return undefined;
}

const timeOf = (epochSeconds: unknown): string | null => {
  const ms = Number(epochSeconds) * 1000;
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : null;
};

/** Leaves the caller in the context. Throws `unauthenticated`, `insufficient_scope`. */
export function authorize(c: Context<Env>, { access, alsoNeeds }: Route): void {
  if (access === "open") return;
  const caller = callerOf(c.env?.requestContext?.authorizer);
  if (caller === undefined) throw new AppError("unauthenticated", "A verified token is needed");
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
  const { caller, requestId, at, clientRef, idempotency } = c.var;
  return { actor: caller.sub, requestId, at, clientRef, idempotency };
};
