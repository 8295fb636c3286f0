/** The search over the operations: shows those that have every word, in menu and page. */

import type { Operation } from "./document.ts";
import { byId } from "./dom.ts";

interface Searched {
  operation: Operation;
  link: HTMLElement;
  details: HTMLElement;
}

/** What is searched: method, path, texts, scope, and the names of parameters, members and answers. */
const textOf = ({ parameters, body, responses, ...texts }: Operation): string =>
  JSON.stringify([texts, parameters, body, responses]).toLowerCase();

/** `/` moves the focus to the field, Escape empties it. */
export function startSearch(views: readonly Searched[]): void {
  const field = byId("input", "find");
  const texts = views.map(({ operation }) => textOf(operation));
  const search = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    let count = 0;
    views.forEach(({ link, details }, index) => {
      const isFound = words.every((word) => texts[index]?.includes(word));
      if (isFound) count++;
      link.hidden = details.hidden = !isFound;
    });
    for (const section of document.querySelectorAll<HTMLElement>("nav section, main section")) {
      if (section.closest("form")) continue;
      section.hidden = !section.querySelector("a:not([hidden]), .op:not([hidden])");
    }
    byId("small", "found").textContent = field.value.trim() === "" ? "" : `${count} found`;
  };
  field.addEventListener("input", search);
  addEventListener("keydown", (event) => {
    const isTyping = (event.target as Element).matches("input, textarea, select");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      field.focus();
    } else if (event.key === "Escape" && event.target === field) {
      field.value = "";
      search();
    }
  });
}
