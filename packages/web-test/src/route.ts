/** The page that the URL's fragment names: `#/users/0193…` is `["users", "0193…"]`. */

import { signal } from "@preact/signals";

const read = (): string[] =>
  location.hash
    .replace(/^#\/?/, "")
    .split("/")
    .filter((part) => part !== "")
    .map(decodeURIComponent);

export const route = signal(read());
addEventListener("hashchange", () => (route.value = read()));

export const href = (...parts: string[]): string => `#/${parts.map(encodeURIComponent).join("/")}`;

export const navigate = (...parts: string[]): void => {
  location.hash = href(...parts);
};
