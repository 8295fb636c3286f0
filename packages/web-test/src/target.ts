/** The servers that a page sends its requests to. */
export interface Target {
  api: string;
  live: string;
  /** True for the server that serves the page: a laptop, which issues tokens itself. */
  isLaptop: boolean;
  /** A Cognito domain and its browser client. */
  signIn?: { domain: string; clientId: string };
}

/** Reads `?api=…&live=…&auth=…&client=…`. Without `api` the target is the page's own server. */
export function targetOf({ origin, search }: Pick<Location, "origin" | "search">): Target {
  const query = new URLSearchParams(search);
  const own = { api: origin, live: `${origin.replace(/^http/, "ws")}/live` };
  const api = query.get("api")?.replace(/\/+$/, "");
  const live = query.get("live") ?? own.live;
  if (!api || api === origin) return { ...own, isLaptop: true };
  const [domain, clientId] = [query.get("auth"), query.get("client")];
  return {
    api,
    live,
    isLaptop: false,
    ...(domain && clientId && { signIn: { domain: domain.replace(/\/+$/, ""), clientId } }),
  };
}

/** The address that opens the console for a stage. Empty members are left out. */
export function addressOf(stage: Record<"api" | "live" | "auth" | "client", string>): string {
  const named = Object.entries(stage).filter(([, value]) => value.trim() !== "");
  const query = new URLSearchParams(named.map(([name, value]) => [name, value.trim()]));
  return `${location.pathname}?${query.toString()}#/session`;
}
