/**
 * Sign-in at an OpenID Connect issuer: authorization code with PKCE (RFC 7636), refresh tokens and
 * revocation. The issuer's endpoints come from its discovery document, so the laptop's issuer, Cognito
 * and others are the same here. Tokens are in memory only.
 */

import type { Provider } from "./target.ts";

/** The tokens of a completed sign-in. */
export interface SignIn {
  token: string;
  /** Gets the next token. Absent if the issuer gave no refresh token. Throws SignInEnded. */
  renew?: () => Promise<string>;
  /** Revokes the refresh token, if the issuer can do that. */
  end?: () => Promise<void>;
}

/** The issuer no longer renews the token: the user must sign in again. */
export class SignInEnded extends Error {}

/** What stays in this tab while the browser is at the issuer. The verifier is used once. */
interface Kept {
  state: string;
  verifier: string;
  issuer: string;
  clientId: string;
  tokenEndpoint: string;
  revocationEndpoint: string | undefined;
  search: string;
  hash: string;
}

const KEPT = "stockwire.sign-in";

const randomText = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** The address to which the issuer returns the browser. It must be a redirect URI of the client. */
export const redirectUri = (): string => location.origin + location.pathname.replace(/\/$/, "");

/**
 * Leaves for the issuer's sign-in page; with `user` the issuer need not ask who signs in. Rejects if
 * the issuer can't be reached or has no endpoint for it.
 */
export async function startSignIn(provider: Provider, user?: string): Promise<void> {
  const { issuer, clientId, scope } = provider;
  const metadata = await discover(issuer);
  const [state, verifier] = [randomText(), randomText()];
  const kept: Kept = {
    state,
    verifier,
    issuer: metadata.issuer,
    clientId,
    tokenEndpoint: metadata.token_endpoint,
    revocationEndpoint: metadata.revocation_endpoint,
    search: location.search,
    hash: location.hash,
  };
  sessionStorage.setItem(KEPT, JSON.stringify(kept));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const url = new URL(metadata.authorization_endpoint);
  const parameters = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri(),
    state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    ...(scope !== undefined && { scope }), // without it, all scopes that the client may have
    ...(user !== undefined && { login_hint: user }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

/** https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata */
interface Metadata {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  revocation_endpoint?: string;
}

async function discover(issuer: string): Promise<Metadata> {
  const url = `${issuer}/.well-known/openid-configuration`;
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const metadata = (await response.json()) as Metadata;
  // The laptop's issuer is `localhost`, also for a page that was opened at 127.0.0.1.
  if (metadata.issuer !== issuer && issuer !== location.origin) {
    throw new Error(`The issuer at ${issuer} says that it is ${metadata.issuer}`);
  }
  return metadata;
}

const ANSWER = ["code", "state", "iss", "error", "error_description"];

function readKept(): Kept | undefined {
  const text = sessionStorage.getItem(KEPT);
  return text === null ? undefined : (JSON.parse(text) as Kept);
}

/**
 * The redirect URI does not hold the stage's address, and the page's policy permits requests to the
 * servers that the address names only. So after a sign-in the browser is redirected to the address
 * that it came from, with the origin of the token endpoint as `auth`. True if it is being redirected.
 */
export function resumeAddress(): boolean {
  const query = new URLSearchParams(location.search);
  const kept = readKept();
  if (!kept || !(query.has("code") || query.has("error"))) return false;
  const wanted = new URLSearchParams(kept.search);
  const { origin } = new URL(kept.tokenEndpoint);
  if (origin !== location.origin) wanted.set("auth", origin);
  if ([...wanted.keys()].every((name) => query.has(name))) return false;
  for (const name of ANSWER) {
    const value = query.get(name);
    if (value !== null) wanted.set(name, value);
  }
  location.replace(`${location.pathname}?${wanted.toString()}${kept.hash}`);
  return true;
}

/** The tokens of a completed sign-in; undefined if there was none. Rejects if it was refused. */
export function finishSignIn(): Promise<SignIn> | undefined {
  const query = new URLSearchParams(location.search);
  const kept = readKept();
  const isReturned = kept && (query.has("code") || query.has("error"));
  return isReturned ? takeAnswer(kept, query) : undefined;
}

async function takeAnswer(kept: Kept, query: URLSearchParams): Promise<SignIn> {
  sessionStorage.removeItem(KEPT);
  // `replaceState` would leave the fragment of the redirect: the page is that of the sign-in's start.
  history.replaceState(null, "", `${location.pathname}${kept.search}${kept.hash}`);
  dispatchEvent(new HashChangeEvent("hashchange"));
  const isForThisTab = query.get("state") === kept.state;
  // https://www.rfc-editor.org/rfc/rfc9207
  const isFromIssuer = (query.get("iss") ?? kept.issuer) === kept.issuer;
  if (!isForThisTab || !isFromIssuer) throw new Error("The sign-in's answer is not for this tab");
  const code = query.get("code");
  if (code === null) throw new Error(query.get("error_description") ?? String(query.get("error")));
  const granted = await requestToken(kept, {
    grant_type: "authorization_code",
    redirect_uri: redirectUri(),
    code,
    code_verifier: kept.verifier,
  });
  return signInOf(kept, granted);
}

interface Granted {
  access_token: string;
  refresh_token?: string;
}

function signInOf(kept: Kept, granted: Granted): SignIn {
  let { refresh_token: refreshToken } = granted;
  if (refreshToken === undefined) return { token: granted.access_token };
  const { revocationEndpoint: revoke, clientId } = kept;
  return {
    token: granted.access_token,
    async renew() {
      const parameters = { grant_type: "refresh_token", refresh_token: refreshToken ?? "" };
      const next = await requestToken(kept, parameters);
      refreshToken = next.refresh_token ?? refreshToken; // some issuers replace it, others don't
      return next.access_token;
    },
    ...(revoke !== undefined && {
      async end() {
        const body = new URLSearchParams({ token: refreshToken ?? "", client_id: clientId });
        const response = await fetch(revoke, { method: "POST", body });
        if (!response.ok) throw new Error(`${revoke} answered ${response.status}`);
      },
    }),
  };
}

async function requestToken(
  { tokenEndpoint, clientId }: Kept,
  parameters: Record<string, string>,
): Promise<Granted> {
  const body = new URLSearchParams({ ...parameters, client_id: clientId });
  const response = await fetch(tokenEndpoint, { method: "POST", body });
  const granted = (await response.json()) as Partial<Granted> & { error?: string };
  const { access_token: token } = granted;
  if (token !== undefined) return { ...granted, access_token: token };
  const message = `No token: ${granted.error ?? response.status}`;
  throw granted.error === "invalid_grant" ? new SignInEnded(message) : new Error(message);
}
