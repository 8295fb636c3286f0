/** The server that this page uses and the token for it. The token is kept in memory only. */

import { computed, signal } from "@preact/signals";
import type { Scope } from "./catalog.ts";
import { issueToken, type TokenRequest } from "./issuer.ts";
import { notify } from "./notice.tsx";
import { type SignIn, SignInEnded } from "./sign-in.ts";
import { targetOf } from "./target.ts";
import { type Claims, claimsOf } from "./token.ts";

/** The stage that this page's address names. */
export const target = targetOf(location);

/** A pasted token cannot be renewed; one of a sign-in can also be revoked. */
interface Session extends SignIn {
  claims: Claims;
}

export const session = signal<Session>();

/** Rises with each new session and not with a renewed token: pages start again with it. */
export const generation = signal(0);

/** True until the page has its first session, or knows that there is none. */
export const isStarting = signal(true);

/** The current time in epoch ms, updated each second. */
export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 1000);

/** Undefined if the token has no end. */
export const secondsLeft = computed(() => {
  const endsAt = session.value?.claims.expiresAt;
  return endsAt === undefined ? undefined : Math.max(0, Math.round((endsAt - now.value) / 1000));
});

/** True if the token names the scope. Only the server decides whether the token is valid. */
export const hasScope = (scope: Scope): boolean => {
  const scopes = session.value?.claims.scopes ?? [];
  return scopes.includes(scope) || scopes.includes("admin");
};

export function startSession(signIn: SignIn): void {
  session.value = { ...signIn, claims: claimsOf(signIn.token) };
  generation.value++;
}

export function endSession(): void {
  session.value = undefined;
  generation.value++;
}

/** Starts a session with a token from the laptop, and renews it with tokens of the same request. */
export async function startIssuedSession(
  request: TokenRequest,
  token: Promise<string> = issueToken(request),
): Promise<void> {
  startSession({ token: await token, renew: () => issueToken(request) });
}

const MARGIN = 20_000; // ms before its end in which a token is renewed

/**
 * The session's token for a request. Renews it if it ends soon, or if it may be the one that the server
 * refused (`refused`). Throws if there is no session.
 */
export async function validToken(refused?: string): Promise<string> {
  const current = session.peek();
  if (!current) throw new Error("There is no session");
  const { token, claims, renew } = current;
  const ends = claims.expiresAt ?? Infinity;
  if (!renew || (token !== refused && ends - Date.now() > MARGIN)) return token;
  return renewOnce(current, renew);
}

/**
 * The token for a request of the HTTP API, where a refused token was answered 401: a session that
 * cannot be renewed ends, and its page asks the user to sign in again.
 */
export async function httpToken(refused?: string): Promise<string> {
  const current = session.peek();
  if (current && current.token === refused && !current.renew) loseSession(current);
  return validToken(refused);
}

let renewal: { of: Session; next: Promise<string> } | undefined;

/** Requests at the same time share one renewal: a refresh token that comes twice ends the sign-in. */
function renewOnce(current: Session, renew: () => Promise<string>): Promise<string> {
  if (renewal?.of === current) return renewal.next;
  const next = renew().then(
    (token) => {
      // The session may have been ended or replaced meanwhile.
      if (session.peek() === current) {
        session.value = { ...current, token, claims: claimsOf(token) };
      }
      return token;
    },
    (error: unknown) => {
      if (error instanceof SignInEnded) loseSession(current);
      throw error;
    },
  );
  const own = { of: current, next };
  renewal = own;
  const forget = () => {
    if (renewal === own) renewal = undefined;
  };
  next.then(forget, forget);
  return next;
}

function loseSession(lost: Session): void {
  if (session.peek() !== lost) return;
  endSession();
  notify("refused", "The session has ended: sign in again");
}
