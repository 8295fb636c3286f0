/** Shows server-sent events while they arrive. */

import { appendHighlighted } from "./dom.ts";

const SHOWN = 200; // blocks; older ones are removed

export const isStream = (response: Response): boolean =>
  response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;

/** Appends each block to `pre` when it is complete, until the stream ends. Throws what the reader throws. */
export async function showStream(response: Response, pre: HTMLPreElement): Promise<void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value = "" } = (await reader?.read()) ?? { done: true };
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) pre.append(blockOf(block));
    while (pre.childElementCount > SHOWN) pre.firstElementChild?.remove();
    pre.scrollTop = pre.scrollHeight;
    if (done) return;
  }
}

function blockOf(block: string): HTMLElement {
  const shown = document.createElement("div");
  for (const line of block.split("\n")) {
    const json = /^data: ?(\{.*)/.exec(line)?.[1];
    if (json === undefined) shown.append(`${line}\n`);
    else appendHighlighted(shown, `${JSON.stringify(JSON.parse(json), null, 2)}\n`);
  }
  return shown;
}
