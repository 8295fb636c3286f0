/**
 * Draws a Mermaid diagram as SVG without a browser. GitHub draws the same text with Mermaid itself.
 * The picture follows the colour scheme, and refers to nothing outside of it.
 */

import { createHash } from "node:crypto";
import { renderMermaidSVG } from "beautiful-mermaid";

const STYLE = `svg{--bg:#fff;--fg:#16202a;--muted:#57636e;--line:#7a858f;--border:#aab3bb;--surface:#f1f3f5}
@media(prefers-color-scheme:dark){svg{--bg:#111517;--fg:#e7ecef;--muted:#9aa7b0;--line:#74818a;--border:#56636b;--surface:#20272b}}
`;

export interface Diagram {
  svg: string;
  /** The Content-Security-Policy that the file must be sent with: it allows its own style only. */
  policy: string;
}

/** The lines of a diagram for people who do not see it: `accTitle: …` and `accDescr: …`. */
const DESCRIPTION = /^\s*acc(?:Title|Descr):\s*(.*)\n/gm;

/** What the diagram shows, in words. */
export function descriptionOf(source: string): string {
  const lines = [...source.matchAll(DESCRIPTION)].map(([, text = ""]) => text);
  return lines.join(". ");
}

/** Throws if the text is no diagram that can be drawn. */
export function draw(source: string): Diagram {
  const drawn = renderMermaidSVG(source.replaceAll(DESCRIPTION, ""), {
    transparent: true,
    padding: 8,
    font: "Arial",
  });
  const svg = drawn
    .replace(/ style="--bg:[^"]*"/, "") // the policy forbids attributes
    .replace(/@import url\([^)]*\);/, "") // a font of another host
    .replace("<style>", () => `<style>${STYLE}`);
  const style = /<style>([^]*?)<\/style>/.exec(svg)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  return { svg, policy: `default-src 'none'; style-src 'sha256-${hash}'` };
}
