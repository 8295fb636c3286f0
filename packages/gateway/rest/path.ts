import type { GatewayRequest } from "../request.ts";

/** True for the path of a stage or base path, and for all below it. */
export function isBelow(url: string, basePath: string): boolean {
  const [path = ""] = url.replace(/^https?:\/\/[^/?#]*/i, "").split("?", 1);
  return basePath === "" || path.replace(/^\/+/, "").split("/", 1)[0] === basePath;
}

/** The path behind stage or base path, still encoded. Slashes at its start count as one. */
export function pathOf(
  { encodedPath }: Pick<GatewayRequest, "encodedPath">,
  basePath: string,
): string {
  const below = encodedPath.replace(/^\/+/, "").slice(basePath.length);
  return `/${below.replace(/^\/+/, "")}`;
}

/** A slash at the end does not matter. Segments stay encoded, as REST APIs show path parameters. */
export const segmentsOf = (path: string): string[] => path.replace(/\/+$/, "").slice(1).split("/");
