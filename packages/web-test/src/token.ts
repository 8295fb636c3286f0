/** The claims of a token, read without verifying it; only the server can do that. */
export interface Claims {
  sub: string;
  scopes: string[];
  expiresAt: number | undefined; // epoch ms
  all: Record<string, unknown>;
}

/** Throws if the token is not a JWT. Scopes may be in `scope` or `scp`, with Cognito's prefix. */
export function claimsOf(token: string): Claims {
  const [, payload = ""] = token.split(".");
  const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (char) =>
    char.charCodeAt(0),
  );
  const all = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  const { sub, scope, scp, exp } = all;
  const listed = typeof scope === "string" ? scope.split(" ") : scp;
  const scopes = Array.isArray(listed) ? listed.filter((name) => typeof name === "string") : [];
  return {
    sub: typeof sub === "string" ? sub : "",
    scopes: scopes.filter((name) => name !== "").map((name) => name.replace(/^stockwire\//, "")),
    expiresAt: typeof exp === "number" ? exp * 1000 : undefined,
    all,
  };
}
