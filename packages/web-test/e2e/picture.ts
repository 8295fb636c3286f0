/** The pictures of docs/console: written by `npm run pictures`, else compared with what is on screen. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pixelmatch from "pixelmatch";
import type { Page } from "playwright-core";
import { PNG } from "pngjs";
import { expect } from "vitest";

const FOLDER = new URL("../../../docs/console/", import.meta.url).pathname;
const FONTS = `${FOLDER}fonts.json`;
/** Where a screen is put that differs from its picture, with the differences. */
const DIFFERENT = join(tmpdir(), "stockwire-pictures");

const isWriting = process.env["SCREENSHOTS"] === "1";

/** The part of a picture's pixels that may differ: less than in one word. */
const TOLERANCE = 0.00005;

/**
 * Writes a picture, or compares it with the page. What differs at each start is left out: times, ids,
 * charts, and what `varying` selects.
 */
export async function checkPicture(page: Page, name: string, varying: readonly string[] = []) {
  const file = `${FOLDER}${name}.png`;
  if (isWriting) {
    await page.screenshot({ path: file, animations: "disabled" });
    return;
  }
  const before = readFileSync(file);
  const difference = async () => {
    const boxes = await page.evaluate(boxesOf, ["main svg", ...varying]);
    const screen = await page.screenshot({ animations: "disabled" });
    return compare(name, PNG.sync.read(before), PNG.sync.read(screen), boxes);
  };
  const hint = `${name} differs from docs/console: see ${DIFFERENT}, or run npm run pictures`;
  await expect.poll(difference, { message: hint, timeout: 10_000 }).toBeLessThan(TOLERANCE);
}

/**
 * True if this browser draws text as the one that made the pictures: with other fonts everything would
 * differ. Writes the widths of its fonts if it writes pictures.
 */
export async function hasFontsOfPictures(page: Page): Promise<boolean> {
  const { text, code } = await page.evaluate(widthsOfText);
  const fonts = `{ "text": ${text}, "code": ${code} }\n`;
  if (isWriting) writeFileSync(FONTS, fonts);
  return readFileSync(FONTS, "utf8") === fonts;
}

/** In the page: the widths in px of a text in its fonts. */
function widthsOfText() {
  const context = document.createElement("canvas").getContext("2d");
  const { fontFamily } = getComputedStyle(document.body);
  const widthIn = (family: string) => {
    if (context) context.font = `20px ${family}`;
    return Math.round(context?.measureText("Stockwire: 0123456789 units, WAVES").width ?? 0);
  };
  return { text: widthIn(fontFamily), code: widthIn("monospace") };
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/**
 * In the page: where its times and ids are, the elements of the selectors, and the handles by which text
 * areas are resized: Chromium draws some of them a pixel apart.
 */
function boxesOf(selectors: string[]): Box[] {
  const changing =
    /\d{1,2} \w{3} 20\d\d|\d:\d\d|[0-9a-f]{8}-[0-9a-f]{4}|…[0-9a-f]{8}|localhost:|--port |\d ms|\w{14}=/;
  const found: Element[] = [...document.querySelectorAll(selectors.join(","))];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { textContent, parentElement } = texts.currentNode;
    if (parentElement && changing.test(textContent ?? "")) found.push(parentElement);
  }
  for (const input of document.querySelectorAll("input")) {
    if (changing.test(input.value)) found.push(input);
  }
  const boxOf = (element: Element): Box => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return { left, top, right, bottom };
  };
  const handles = [...document.querySelectorAll("textarea")].map((area) => {
    const box = boxOf(area);
    return { ...box, left: box.right - 16, top: box.bottom - 16 };
  });
  return [...found.map(boxOf), ...handles];
}

/** The part of the pixels outside of the boxes that differ; 1 if the sizes do. */
function compare(name: string, before: PNG, now: PNG, boxes: readonly Box[]): number {
  const { width, height } = now;
  if (before.width !== width || before.height !== height) return 1;
  for (const png of [before, now]) for (const box of boxes) fill(png, box);
  const marked = new PNG({ width, height });
  const count = pixelmatch(before.data, now.data, marked.data, width, height, { threshold: 0.2 });
  const part = count / (width * height);
  if (part >= TOLERANCE) {
    mkdirSync(DIFFERENT, { recursive: true });
    writeFileSync(join(DIFFERENT, `${name}.png`), PNG.sync.write(now));
    writeFileSync(join(DIFFERENT, `${name}-differences.png`), PNG.sync.write(marked));
  }
  return part;
}

/** Fills a box with grey, and a pixel around it. */
function fill({ data, width, height }: PNG, { left, top, right, bottom }: Box): void {
  const [from, to] = [Math.max(0, Math.floor(left) - 1), Math.min(width, Math.ceil(right) + 1)];
  const end = Math.min(height, Math.ceil(bottom) + 1);
  for (let y = Math.max(0, Math.floor(top) - 1); y < end; y++) {
    if (to > from) data.fill(128, (y * width + from) * 4, (y * width + to) * 4);
  }
}
