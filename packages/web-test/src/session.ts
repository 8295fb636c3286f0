import { computed, signal } from "@preact/signals";
import { target } from "./here.ts";
import { type Claims, claimsOf } from "./token.ts";

/** Whose token the page works with. It is kept in memory only. */

export const SCOPES = [
  "read:users",
  "write:users",
  "read:products",
  "write:products",
  "read:inventory",
  "write:inventory",
  "reserve:inventory",
  "read:items",
  "write:items",
  "read:history",
  "publish:channels",
  "admin",
] as const;
export type Scope = (typeof SCOPES)[number];

export interface Wanted {
  scopes: readonly Scope[];
  sub: string;
  ttl: number; // seconds
}

interface Session {
  token: string;
  claims: Claims;
  /** How the next one is had; a token that was pasted has no next. */
  renew?: () => Promise<string>;
}

export const session = signal<Session>();

/** Rises with each token that is not just the last one renewed: all is to start anew. */
export const generation = signal(0);

export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 1000);

export const secondsLeft = computed(() => {
  const endsAt = session.value?.claims.expiresAt;
  return endsAt === undefined ? undefined : Math.max(0, Math.round((endsAt - now.value) / 1000));
});

/** Whether the token permits something, as far as it says itself. */
export const may = (scope: Scope): boolean => {
  const scopes = session.value?.claims.scopes ?? [];
  return scopes.includes(scope) || scopes.includes("admin");
};

export function begin(token: string, renew?: () => Promise<string>): void {
  const claims = claimsOf(token);
  session.value = { token, claims, ...(renew && { renew }) };
  generation.value++;
}

export function end(): void {
  session.value = undefined;
  generation.value++;
}

async function mintToken(wanted: Wanted): Promise<string> {
  const answer = await fetch("/console/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(wanted),
  });
  const { token, message } = (await answer.json()) as { token?: string; message?: string };
  if (token === undefined) throw new Error(message ?? `The laptop answered ${answer.status}`);
  return token;
}

/** Has the laptop make a token; and the next ones like it. */
export async function mint(wanted: Wanted): Promise<void> {
  begin(await mintToken(wanted), () => mintToken(wanted));
}

/** A token of the laptop's that the page itself does not change to. */
export const spare = mintToken;

export const everything: Wanted = {
  scopes: SCOPES.filter((scope) => scope !== "admin"),
  sub: "console",
  ttl: 3600,
};

export const canMint = target.isLaptop;

const MARGIN = 20_000; // ms

/** A token that is still good, and is not the refused one if another can be had. */
export async function goodToken(refused?: string): Promise<string> {
  const held = session.peek();
  if (!held) throw new Error("There is no session");
  const { token, claims, renew } = held;
  const ends = claims.expiresAt ?? Infinity;
  if (!renew || (token !== refused && ends - Date.now() > MARGIN)) return token;
  const next = await renew();
  session.value = { token: next, claims: claimsOf(next), renew };
  return next;
}
