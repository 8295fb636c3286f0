/** The servers that a page sends its requests to. */
export interface Target {
  api: string;
  live: string;
  /** True for the server that serves the page: a laptop, which issues tokens itself. */
  isLaptop: boolean;
  /** Where users of this target sign in. */
  signIn?: Provider;
}

/** An OpenID Connect issuer and this page's client there. */
export interface Provider {
  issuer: string;
  clientId: string;
  /** The scopes to request, separated by spaces; by default those that the client may have. */
  scope?: string;
  /** A user who can sign in without being asked for anything. */
  demoUser?: string;
}

/** Reads `?api=…&live=…&issuer=…&client=…&scope=…`. Without `api` the target is the page's own server. */
export function targetOf({ origin, search }: Pick<Location, "origin" | "search">): Target {
  const query = new URLSearchParams(search);
  const own = { api: origin, live: `${origin.replace(/^http/, "ws")}/live` };
  const api = query.get("api")?.replace(/\/+$/, "");
  const live = query.get("live") ?? own.live;
  if (!api || api === origin) {
    const signIn = { issuer: origin, clientId: "stockwire-console", demoUser: "jane" };
    return { ...own, isLaptop: true, signIn };
  }
  const [issuer, clientId, scope] = ["issuer", "client", "scope"].map((name) => query.get(name));
  return {
    api,
    live,
    isLaptop: false,
    ...(issuer &&
      clientId && {
        signIn: { issuer: issuer.replace(/\/+$/, ""), clientId, ...(scope && { scope }) },
      }),
  };
}

/** The address that opens the console for a stage. Empty members are left out. */
export function addressOf(
  stage: Record<"api" | "live" | "issuer" | "client" | "scope", string>,
): string {
  const named = Object.entries(stage).filter(([, value]) => value.trim() !== "");
  const query = new URLSearchParams(named.map(([name, value]) => [name, value.trim()]));
  return `${location.pathname}?${query.toString()}#/session`;
}
