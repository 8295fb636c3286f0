/** The HTML of the authorization endpoint. It has no script, and its links are its only way out. */

import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { PublicClient } from "./client.ts";

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem}
ul{list-style:none;padding:0}a{display:block;padding:.6rem .9rem;margin:.5rem 0;border:1px solid;border-radius:6px;color:inherit;text-decoration:none}
a:hover,a:focus-visible{background:#12857233}small{display:block}`;

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

export function sendPage(res: ServerResponse, status: number, html: string): void {
  if (res.destroyed) return;
  res.writeHead(status, { ...HEADERS, "content-length": Buffer.byteLength(html) }).end(html);
}

/** A link for each user: the same request, with the user as `login_hint`. */
export function usersPage(
  { users }: PublicClient,
  address: string,
  query: URLSearchParams,
): string {
  const links = users.map(({ sub, name, email, scopes }) => {
    const chosen = new URLSearchParams(query);
    chosen.delete("prompt");
    chosen.set("login_hint", sub);
    const text = scopes.length > 0 ? scopes.join(" ") : "no scopes";
    return `<li><a href="${escaped(address + chosen.toString())}">${escaped(name)} <small>${escaped(email)}<br>${escaped(text)}</small></a>`;
  });
  return page(
    "Sign in",
    `<p>Users of this machine, without passwords. ${escaped(new URL(query.get("redirect_uri") ?? "").host)} gets a token for the one that you choose.</p>
<ul>
${links.join("\n")}
</ul>`,
  );
}

/** For a request that must not be answered at its redirect URI. */
export const refusalPage = (parameter: string): string =>
  page("The request is refused", `<p><code>${parameter}</code> is missing or not known here.</p>`);

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<main>
<h1>${title}</h1>
${body}
</main>
</html>
`;

const escaped = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
