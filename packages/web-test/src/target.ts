/** Where a page's requests go. */
export interface Target {
  api: string;
  live: string;
  /** The server that serves the page; it hands out tokens itself. */
  isLaptop: boolean;
  /** A Cognito domain and its browser client. */
  signIn?: { domain: string; clientId: string };
}

/** `?api=…&live=…&auth=…&client=…` name a deployed stage; without them it is the page's own server. */
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

/** The address of the console for a stage. */
export function addressOf(stage: Record<"api" | "live" | "auth" | "client", string>): string {
  const named = Object.entries(stage).filter(([, value]) => value.trim() !== "");
  const query = new URLSearchParams(named.map(([name, value]) => [name, value.trim()]));
  return `${location.pathname}?${query.toString()}#/session`;
}
