/**
 * The HTML of the API reference and of the list of problems. Script and style are inline, and the
 * policy names their hashes, so that a browser runs nothing else.
 */

import { createHash } from "node:crypto";
import { problems } from "../problem.ts";
import reference from "./reference.json" with { type: "json" };

const { script, style } = reference;

export interface Page {
  html: string;
  /** The Content-Security-Policy that the page must be sent with. */
  policy: string;
}

/** The source expression that allows an inline script or style, by its hash. */
const sourceOf = (inline: string) =>
  `'sha256-${createHash("sha256").update(inline).digest("base64")}'`;

const page = (title: string, body: string, own = ""): Page => ({
  html: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http:%2F%2Fwww.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Cpath fill='%23128572' d='M0 5h2V2h4v3h2v3H0z'/%3E%3C/svg%3E">
<style>${style}</style>
${body}</html>
`,
  policy: `default-src 'none'; style-src ${sourceOf(style)}; img-src data:; ${own}base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'`,
});

/** Links are relative, because the path of a deployed stage may precede `/docs`. */
export const docsPage = (): Page =>
  page(
    "Stockwire API",
    `<a class="skip card" href="#operations">Skip to the operations</a>
<header><h1>Stockwire</h1><a href="docs/problems">Problems</a><a href="openapi.json">OpenAPI</a><a href="asyncapi.json">AsyncAPI</a></header>
<div class="frame">
<div class="side">
<section class="card" aria-label="Token">
<div class="row"><label for="token">Token</label><input id="token" type="password" autocomplete="off" aria-describedby="hint kept"><button id="clear" type="button">Clear</button></div>
<small id="hint">From your identity provider</small><small id="kept">Kept in this tab. Send makes real requests.</small>
</section>
<div role="search"><input id="find" type="search" aria-label="Find an operation" placeholder="Find, or press /" aria-describedby="found"> <small id="found" role="status"></small></div>
<nav aria-label="Operations"><details id="menu" open><summary>Operations</summary></details></nav>
</div>
<main id="operations" tabindex="-1"><noscript>Needs JavaScript; see openapi.json.</noscript></main>
</div>
<div id="announcement" role="status"></div>
<script type="module">${script}</script>
`,
    `script-src ${sourceOf(script)}; connect-src 'self'; `,
  );

const row = ([code, { status, title, meaning }]: [
  string,
  { status: number; title: string; meaning: string },
]) =>
  `<tr id="${code}"><th scope="row">${status}<td><b>${title}</b> <code>${code}</code><br>${meaning}`;

/** The page that the `type` of a problem links to: one row per code, with the code as its id. */
export const problemsPage = (): Page =>
  page(
    "Stockwire problems",
    `<header><h1>Problems</h1><a href="../docs">API reference</a></header>
<main>
<p>An error is answered with <code>application/problem+json</code> (RFC 9457). Its <code>code</code> is one of these.</p>
<table><thead><tr><th scope="col">Status<th scope="col">Meaning
<tbody>
${Object.entries(problems).map(row).join("\n")}
</table>
</main>
`,
  );
