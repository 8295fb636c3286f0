/**
 * The documentation at `/docs/guide`, as it is in the repository now: a page is made from its Markdown
 * when it is requested. It is a part of the laptop only. The pages have no script.
 */

import { readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { documentsIn, filesIn, FRONT, GUIDE, linkOf } from "./address.ts";
import { draw } from "./diagram.ts";
import { documentPage, type Group, missingPage, searchPage } from "./layout.ts";
import { type Document, readDocument } from "./markdown.ts";
import { search } from "./search.ts";

interface Answer {
  status: number;
  type: string;
  policy: string;
  body: string | Buffer;
}

export interface Guide {
  /** Answers GET of a path at or below `/docs/guide`. `query` is the part after `?`. */
  answer(path: string, query: URLSearchParams): Answer;
  /** Every document, in the order of the file names. */
  documents(): Document[];
  groups(): Group[];
}

const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const CLOSED = "default-src 'none'; frame-ancestors 'none'";
const TYPES: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".svg": "image/svg+xml",
};
const STYLE = join(import.meta.dirname, "style.css");

const html = (body: string, status = 200): Answer => ({
  status,
  type: "text/html; charset=utf-8",
  policy: POLICY,
  body,
});

/** The guide of the repository at `root`. */
export function openGuide(root: string): Guide {
  const cache = new Map<string, { changed: number; document: Document }>();
  const read = (file: string): Document => {
    const path = join(root, file);
    const changed = statSync(path).mtimeMs;
    const cached = cache.get(file);
    if (cached?.changed === changed) return cached.document;
    const document = readDocument(file, readFileSync(path, "utf8"));
    cache.set(file, { changed, document });
    return document;
  };
  const documents = () => [...documentsIn(root).values()].toSorted().map(read);
  const groups = () => groupsOf(readFileSync(join(root, FRONT), "utf8"));

  const diagram = (path: string): Answer | undefined => {
    const [, name, index] = /^\/docs\/guide\/diagrams\/(.+)\/(\d{1,3})\.svg$/.exec(path) ?? [];
    const document = [...documentsIn(root).values()].find((file) => file === `${name}.md`);
    const source = document === undefined ? undefined : read(document).diagrams[Number(index)];
    if (source === undefined) return undefined;
    const { svg, policy } = draw(source);
    return { status: 200, type: "image/svg+xml", policy, body: svg };
  };

  return {
    documents,
    groups,
    answer(path, query) {
      const document = documentsIn(root).get(path.replace(/(?<=.)\/$/, ""));
      if (document !== undefined) return html(documentPage(read(document), groups()));
      if (path === `${GUIDE}/search`) {
        const question = (query.get("q") ?? "").slice(0, 200);
        return html(searchPage(question, search(documents(), question), groups()));
      }
      if (path === `${GUIDE}/style.css`) {
        return { status: 200, type: "text/css", policy: CLOSED, body: readFileSync(STYLE) };
      }
      const file = filesIn(root).get(path);
      if (file !== undefined) {
        const type = TYPES[extname(file)] ?? "text/plain; charset=utf-8";
        return { status: 200, type, policy: CLOSED, body: readFileSync(join(root, file)) };
      }
      return diagram(path) ?? html(missingPage(groups()), 404);
    },
  };
}

/** The navigation: each heading of the front page with the links of its list. */
function groupsOf(front: string): Group[] {
  const groups: Group[] = [];
  for (const line of front.split("\n")) {
    const [, heading] = /^## (.+)$/.exec(line) ?? [];
    if (heading !== undefined) groups.push({ title: heading, pages: [] });
    const [, title, link] = /^- \[([^\]]+)\]\(([^)]+)\)/.exec(line) ?? [];
    if (title !== undefined && link !== undefined) {
      groups.at(-1)?.pages.push({ title, path: linkOf(FRONT, link) });
    }
  }
  return groups.filter(({ pages }) => pages.length > 0);
}

/** Sends the answer to one request. */
export function serveGuide(guide: Guide, req: IncomingMessage, res: ServerResponse): void {
  const [path = "", query = ""] = (req.url ?? "").split("?");
  const { status, type, policy, body } = guide.answer(path, new URLSearchParams(query));
  res.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-cache",
    "content-security-policy": policy,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
  res.end(req.method === "HEAD" ? undefined : body);
}
