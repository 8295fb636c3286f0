import type { GatewayRequest } from "../request.ts";

/** The first segment of the path of a URL, which may be absolute. */
const FIRST_SEGMENT = /^(?:https?:\/\/[^/?#]*)?\/*([^/?]*)/i;

/** True for the path of a stage or base path, and for all below it. */
export function isBelow(url: string, basePath: string): boolean {
  if (basePath === "") return true;
  const [, first] = FIRST_SEGMENT.exec(url) ?? [];
  return first === basePath;
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
