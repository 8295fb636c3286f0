/** What a token says about itself; the server alone decides what it is worth. */
export interface Claims {
  sub: string;
  scopes: string[];
  expiresAt: number | undefined; // epoch ms
  all: Record<string, unknown>;
}

/** Throws for what is no JWT. */
export function claimsOf(token: string): Claims {
  const [, payload = ""] = token.split(".");
  const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (one) =>
    one.charCodeAt(0),
  );
  const all = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  const { sub, scope, scp, exp } = all;
  const listed = typeof scope === "string" ? scope.split(" ") : scp;
  const scopes = Array.isArray(listed) ? listed.filter((one) => typeof one === "string") : [];
  return {
    sub: typeof sub === "string" ? sub : "",
    scopes: scopes.filter((one) => one !== "").map((one) => one.replace(/^stockwire\//, "")),
    expiresAt: typeof exp === "number" ? exp * 1000 : undefined,
    all,
  };
}
