/** Finds sections of the documents that contain all words of a question. */

import type { Document, Section } from "./markdown.ts";

export interface Hit {
  document: Document;
  section: Section;
  /** The text around the first word that was found. */
  excerpt: string;
}

const MOST = 30;
const AROUND = 120; // characters before and after the first word

/** Words in lower case. Signs that are part of names and paths stay: `feed-cursor`, `/changes`. */
export const wordsOf = (question: string): string[] =>
  question.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 8);

/** A word in a heading counts more than in the title of its page, and that more than in the text. */
function score({ title }: Document, { text, body }: Section, words: readonly string[]): number {
  const [heading, page, content] = [text, title, body].map((part) => part.toLowerCase());
  let total = 0;
  for (const word of words) {
    const times = (content?.split(word).length ?? 1) - 1;
    const own =
      (heading?.includes(word) ? 20 : 0) + (page?.includes(word) ? 8 : 0) + Math.min(times, 5);
    if (own === 0) return 0;
    total += own;
  }
  return total;
}

function excerptOf({ body }: Section, words: readonly string[]): string {
  const text = body.replaceAll(/\s+/g, " ").trim();
  const positions = words.map((word) => text.toLowerCase().indexOf(word)).filter((at) => at >= 0);
  const first = positions.length > 0 ? Math.min(...positions) : 0;
  const [from, to] = [Math.max(0, first - AROUND), first + AROUND];
  return `${from > 0 ? "…" : ""}${text.slice(from, to)}${to < text.length ? "…" : ""}`;
}

/** The best 30 sections, best first; equal ones in the order of the documents. */
export function search(documents: readonly Document[], question: string): Hit[] {
  const words = wordsOf(question);
  if (words.length === 0) return [];
  return documents
    .flatMap((document) => document.sections.map((section) => ({ document, section })))
    .map((pair) => ({ ...pair, points: score(pair.document, pair.section, words) }))
    .filter(({ points }) => points > 0)
    .toSorted((a, b) => b.points - a.points)
    .slice(0, MOST)
    .map(({ document, section }) => ({ document, section, excerpt: excerptOf(section, words) }));
}
