/** Builds elements. Text always becomes a text node, so no data is ever parsed as HTML. */

type Child = Node | string | false | undefined | readonly Child[];
type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** Attributes that are false, undefined or empty are left out, as are children that are false. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value) node.setAttribute(name, String(value));
  }
  append(node, children);
  return node;
}

function append(node: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (typeof child === "string") node.appendChild(document.createTextNode(child));
    else if (child instanceof Node) node.appendChild(child);
    else if (child) append(node, child);
  }
}

export const code = (text: string) => el("code", {}, text);
export const small = (...children: readonly Child[]) => el("small", {}, ...children);
export const bad = (text: string) => el("b", { class: "bad" }, text);

/** Text with its words in backticks as code. */
export const marked = (text = ""): Child[] =>
  text.split("`").map((part, index) => (index % 2 === 1 ? code(part) : part));

/** Paragraphs and lists: the part of Markdown that the document uses. */
export const paragraphs = (text = ""): HTMLElement[] =>
  text.split("\n\n").map((block) =>
    block.startsWith("- ")
      ? el(
          "ul",
          {},
          block.split("\n").map((line) => el("li", {}, ...marked(line.slice("- ".length)))),
        )
      : el("p", {}, ...marked(block)),
  );

/** A scrollable block of text that the keyboard can reach. */
export const pane = (label: string) => el("pre", { tabindex: "0", "aria-label": label });

/** Links a problem code to its row in the list of problems. */
export const problemLink = (name: string) => el("a", { href: `docs/problems#${name}` }, code(name));

const JSON_TOKEN = /("(?:\\.|[^"\\])*")(?=(:)?)|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;

/** Appends JSON text with its keys, strings and literals coloured. */
export function appendHighlighted(pre: HTMLElement, json: string): void {
  let end = 0;
  for (const match of json.matchAll(JSON_TOKEN)) {
    const [token, string, colon] = match;
    const kind = colon ? "key" : string ? "text" : "word";
    pre.append(json.slice(end, match.index), el("span", { class: kind }, token));
    end = match.index + token.length;
  }
  pre.append(json.slice(end));
}

/** An element of the page's HTML (packages/functions/src/api/docs/page.ts). */
export function byId<K extends keyof HTMLElementTagNameMap>(tag: K, id: string) {
  const found = document.querySelector<HTMLElementTagNameMap[K]>(`${tag}#${id}`);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** A button that copies the text of `source`. Without HTTPS it only selects the text. */
export function copyButton(label: string, source: HTMLElement): HTMLButtonElement {
  const button = el("button", { type: "button", "aria-label": `Copy ${label}` }, "Copy");
  const copy = async () => {
    getSelection()?.selectAllChildren(source);
    // The type is wrong for a page on plain HTTP.
    const clipboard = navigator.clipboard as Clipboard | undefined;
    if (!clipboard) return;
    await clipboard.writeText(source.textContent);
    byId("div", "announcement").textContent = `${label} copied`;
    button.textContent = "Copied";
  };
  button.addEventListener("click", () => void copy());
  return button;
}
