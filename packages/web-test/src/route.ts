/**
 * The page that the URL's fragment names: `#/users/0193…` is `["users", "0193…"]`. Undefined for a
 * fragment that cannot be decoded, such as `#/users/%E0`.
 */

import { signal } from "@preact/signals";

function read(): readonly string[] | undefined {
  const parts = location.hash.replace(/^#\/?/, "").split("/");
  try {
    return parts.filter((part) => part !== "").map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

export const route = signal(read());
addEventListener("hashchange", () => (route.value = read()));

export const href = (...parts: string[]): string => `#/${parts.map(encodeURIComponent).join("/")}`;

export const navigate = (...parts: string[]): void => {
  location.hash = href(...parts);
};
