/** Names of this machine that no other machine and no DNS server can claim. */

/** As `URL.hostname` has them. */
const NAMES: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

export const isLoopbackName = (hostname: string): boolean => NAMES.has(hostname);

/**
 * True if a Host header names this machine, with or without a port. With DNS rebinding, where another
 * domain resolves to this machine, a browser sends that domain, and its pages share an origin with the
 * server: what gives access without a credential must not answer them.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  const [, name = ""] = /^([^:]+|\[[^\]]*\])(?::\d{1,5})?$/.exec(host ?? "") ?? [];
  return isLoopbackName(name.toLowerCase());
}
