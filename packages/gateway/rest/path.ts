/** True for the path of a stage or base path, and for all below it. */
export function isBelow(url: string, basePath: string): boolean {
  const [path = ""] = url.replace(/^https?:\/\/[^/?#]*/i, "").split("?", 1);
  return basePath === "" || path.replace(/^\/+/, "").split("/", 1)[0] === basePath;
}
