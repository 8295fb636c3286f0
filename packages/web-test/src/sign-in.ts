/** Sign-in at Cognito's hosted pages: authorization code with PKCE (RFC 7636). */

interface Client {
  domain: string;
  clientId: string;
}

const KEPT = "stockwire.sign-in";

const random = (): string => encoded(crypto.getRandomValues(new Uint8Array(32)));

const encoded = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** Where Cognito sends the browser back to; it must be among the client's callback URLs. */
export const redirectUri = (): string => location.origin + location.pathname.replace(/\/$/, "");

/** Leaves for the sign-in page; what proves the answer to be ours stays in this tab. */
export async function startSignIn({ domain, clientId }: Client): Promise<void> {
  const [state, verifier] = [random(), random()];
  sessionStorage.setItem(KEPT, JSON.stringify({ state, verifier, search: location.search }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri(),
    state,
    code_challenge: encoded(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(`${domain}/oauth2/authorize?${query.toString()}`);
}

/**
 * The stage's address is not part of the callback URL, so a browser that comes back is sent on to
 * the address that it left from, with the code. True if it is on its way.
 */
export function resumeAddress(): boolean {
  const query = new URLSearchParams(location.search);
  const kept = sessionStorage.getItem(KEPT);
  if (!kept || query.has("api") || !(query.has("code") || query.has("error"))) return false;
  const { search } = JSON.parse(kept) as { search: string };
  const back = new URLSearchParams(search);
  for (const name of ["code", "state", "error", "error_description"]) {
    const value = query.get(name);
    if (value !== null) back.set(name, value);
  }
  location.replace(`${location.pathname}?${back.toString()}#/session`);
  return true;
}

/** The token of a sign-in that has come back; undefined if none has. Throws what was refused. */
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
  const answer = await fetch(`${domain}/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: clientId,
      redirect_uri: redirectUri(),
      code,
      code_verifier: verifier ?? "",
    }),
  });
  const granted = (await answer.json()) as { access_token?: string; error?: string };
  if (!granted.access_token) throw new Error(`No token: ${granted.error ?? answer.status}`);
  return granted.access_token;
}
