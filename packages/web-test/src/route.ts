/**
 * The page that the URL's fragment names: `#/users/0193…` is `["users", "0193…"]`. Undefined for a
 * fragment that cannot be decoded, such as `#/users/%E0`. A page may add parameters after a `?`, so
 * that what it shows can be shared.
 */

import { signal } from "@preact/signals";

function read(): readonly string[] | undefined {
  const [path = ""] = location.hash.replace(/^#\/?/, "").split("?");
  try {
    return path
      .split("/")
      .filter((part) => part !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

export const route = signal(read());

/** The fragment with which the page was opened. */
export const address = signal(location.hash);

/** Rises when a page is opened, also the same one again. */
export const visit = signal(0);

/** The fragment of the page on screen, with the parameters that it has set. */
let shown = location.hash;

/** True while a form holds what is not saved. Set by `useUnsaved`. */
export const unsaved = signal(false);

/** Where the user wants to go although a form is not saved. */
export const wanted = signal<string>();

addEventListener("hashchange", () => {
  if (location.hash === shown) return;
  if (unsaved.peek()) {
    wanted.value = location.hash;
    history.pushState(null, "", shown || "#/"); // the form's address again
    return;
  }
  show();
});

addEventListener("beforeunload", (event) => {
  if (unsaved.peek()) event.preventDefault(); // the browser asks
});

function show(): void {
  shown = location.hash;
  visit.value++;
  address.value = location.hash;
  route.value = read();
}

/** Leaves a form that is not saved, for the page that the user wants. */
export function leave(): void {
  const hash = wanted.peek();
  wanted.value = undefined;
  unsaved.value = false;
  if (hash === undefined) return;
  history.pushState(null, "", hash);
  show();
}

export const href = (...parts: string[]): string => `#/${parts.map(encodeURIComponent).join("/")}`;

/** Shows a page. What a form on the present one holds is saved or given up. */
export const navigate = (...parts: string[]): void => {
  unsaved.value = false;
  location.hash = href(...parts);
};

/** The parameters of the address, which a page reads when it is opened. */
export const parameters = (): URLSearchParams =>
  new URLSearchParams(location.hash.split("?").slice(1).join("?"));

/** Writes parameters into the address without opening a page. Empty ones are left out. */
export function setParameters(values: Readonly<Record<string, string>>): void {
  const named = Object.entries(values).filter(([, value]) => value !== "");
  const query = new URLSearchParams(named).toString();
  const [path = ""] = location.hash.split("?");
  history.replaceState(null, "", `${path || "#/"}${query === "" ? "" : `?${query}`}`);
  shown = location.hash;
}
