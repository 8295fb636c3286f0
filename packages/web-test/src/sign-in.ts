/**
 * Sign-in at Cognito's hosted pages: authorization code with PKCE (RFC 7636).
 * https://docs.aws.amazon.com/cognito/latest/developerguide/using-pkce-in-authorization-code.html
 */

interface Client {
  domain: string;
  clientId: string;
}

const KEPT = "stockwire.sign-in";

const randomText = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** The address to which Cognito returns the browser. It must be a callback URL of the client. */
export const redirectUri = (): string => location.origin + location.pathname.replace(/\/$/, "");

/** Leaves for the sign-in page. State and verifier, which check the answer, stay in this tab. */
export async function startSignIn({ domain, clientId }: Client): Promise<void> {
  const [state, verifier] = [randomText(), randomText()];
  sessionStorage.setItem(KEPT, JSON.stringify({ state, verifier, search: location.search }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri(),
    state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(`${domain}/oauth2/authorize?${query.toString()}`);
}

/**
 * The callback URL does not hold the stage's address. So after a sign-in the browser is redirected
 * to the address that it came from, with the code added. True if it is being redirected.
 */
export function resumeAddress(): boolean {
  const query = new URLSearchParams(location.search);
  const kept = sessionStorage.getItem(KEPT);
  if (!kept || query.has("api") || !(query.has("code") || query.has("error"))) return false;
  const { search } = JSON.parse(kept) as { search: string };
  const resumed = new URLSearchParams(search);
  for (const name of ["code", "state", "error", "error_description"]) {
    const value = query.get(name);
    if (value !== null) resumed.set(name, value);
  }
  location.replace(`${location.pathname}?${resumed.toString()}#/session`);
  return true;
}

/** The token of a completed sign-in; undefined if there was none. Throws if it was refused. */
export async function finishSignIn({ domain, clientId }: Client): Promise<string | undefined> {
  const query = new URLSearchParams(location.search);
  const kept = sessionStorage.getItem(KEPT);
  const [code, error] = [query.get("code"), query.get("error")];
  if (kept === null || (code === null && error === null)) return undefined;
  sessionStorage.removeItem(KEPT);
  const { state, verifier, search } = JSON.parse(kept) as Record<string, string>;
  history.replaceState(null, "", `${location.pathname}${search ?? ""}${location.hash}`);
  if (query.get("state") !== state) throw new Error("The sign-in's answer is not for this tab");
  if (code === null) throw new Error(query.get("error_description") ?? String(error));
  const response = await fetch(`${domain}/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: clientId,
      redirect_uri: redirectUri(),
      code,
      code_verifier: verifier ?? "",
    }),
  });
  const granted = (await response.json()) as { access_token?: string; error?: string };
  if (!granted.access_token) throw new Error(`No token: ${granted.error ?? response.status}`);
  return granted.access_token;
}
