/**
 * Turns a document into a page of the guide: HTML, headings with GitHub's anchors, the text of each
 * section for the search, and its diagrams. HTML in a document is shown as text, never as HTML.
 */

import MarkdownIt, { type Env, type RendererRule, type Token } from "markdown-it";
import { diagramPath, linkOf } from "./address.ts";
import { descriptionOf } from "./diagram.ts";

export interface Heading {
  level: number;
  text: string;
  anchor: string;
}

/** A heading with the text up to the next one. */
export interface Section extends Heading {
  body: string;
}

export interface Document {
  file: string;
  title: string;
  html: string;
  sections: Section[];
  /** Mermaid sources, in the order of the page. */
  diagrams: string[];
}

/** What the renderer knows of the document, by its `env`, which markdown-it hands on as it is. */
interface Context {
  file: string;
  diagrams: string[];
  /** Of each diagram: the heading above it. */
  headings: string[];
}

const contexts = new WeakMap<Env, Context>();

const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false });
const { escapeHtml } = markdown.utils;

/** Text of an inline token, without marks. */
const textOf = ({ children }: Token): string =>
  (children ?? []).map(({ type, content }) => (type === "softbreak" ? " " : content)).join("");

/** GitHub's anchors: https://github.com/gjtorikian/html-pipeline, filter of the table of contents. */
export function anchors(): (heading: string) => string {
  const seen = new Map<string, number>();
  return (heading) => {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  };
}

/** The keyboard can reach, and scroll, what may be wider than a phone. */
const fence: RendererRule = (tokens, at, _options, env) => {
  const { content = "", info = "" } = tokens[at] ?? {};
  if (info === "mermaid") {
    const context = env && contexts.get(env);
    if (!context) throw new Error("a diagram is drawn outside of a document");
    const { file, diagrams, headings } = context;
    const index = diagrams.push(content) - 1;
    const src = diagramPath(file, index);
    const alt = escapeHtml(descriptionOf(content) || `Diagram: ${headings[index]}`);
    return `<figure tabindex="0"><img src="${src}" alt="${alt}"></figure>\n`;
  }
  return `<pre tabindex="0"><code>${escapeHtml(content)}</code></pre>\n`;
};

Object.assign(markdown.renderer.rules, {
  fence,
  table_open: () => '<div class="scroll" tabindex="0"><table>\n',
  table_close: () => "</table></div>\n",
} satisfies Record<string, RendererRule>);

/** A picture with a width, which Markdown cannot say. */
const PICTURE = /<img src="([^"]+)"(?: width="\d+")? alt="([^"]*)">/g;

/** `file` is its path in the repository, from which its links are resolved. */
export function readDocument(file: string, source: string): Document {
  const env: Env = {};
  const context: Context = { file, diagrams: [], headings: [] };
  contexts.set(env, context);
  const tokens = markdown.parse(source.replaceAll(PICTURE, "![$2]($1)"), env);
  const anchorOf = anchors();
  const sections: Section[] = [];
  tokens.forEach((token, at) => {
    if (token.attrGet("style") === "text-align:right") token.attrs = [["class", "right"]]; // the policy
    if (token.type === "heading_open") {
      const text = textOf(tokens[at + 1] ?? token);
      const anchor = anchorOf(text);
      token.attrSet("id", anchor);
      sections.push({ level: Number(token.tag.slice(1)), text, anchor, body: "" });
      return;
    }
    for (const child of token.children ?? []) {
      const name = child.type === "image" ? "src" : "href";
      const link = child.attrGet(name);
      if (link !== null) child.attrSet(name, linkOf(file, String(link)));
    }
    const isHeading = tokens[at - 1]?.type === "heading_open";
    const last = sections.at(-1);
    if (!last || isHeading) return;
    if (token.type === "inline") last.body += `${textOf(token)} `;
    if (token.type !== "fence") return;
    if (token.info === "mermaid") context.headings.push(last.text);
    else last.body += `${token.content} `;
  });
  const html = markdown.renderer
    .render(tokens, markdown.options, env)
    .replaceAll(/<th([^>]*)><\/th>/g, "<td$1></td>"); // an empty cell is the header of nothing
  const title = sections[0]?.text ?? file;
  return { file, title, html, sections, diagrams: context.diagrams };
}
