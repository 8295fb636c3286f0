/** Puts the guide on the laptop's port. It is loaded by the first request, since most starts need none. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpService } from "../listener.ts";
import type { Guide } from "./guide.ts";

/** Takes `/docs/guide` and what is below it; the app has `/docs` and `/docs/problems`. */
export function guideService(root: string, log: (line: string) => void): HttpService {
  let guide: Guide | undefined;
  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    const { openGuide, serveGuide } = await import("./guide.ts");
    guide ??= openGuide(root);
    serveGuide(guide, req, res);
  };
  return {
    handle(req, res) {
      if (!/^\/docs\/guide(?:[/?]|$)/.test(req.url ?? "")) return false;
      if (req.method !== "GET" && req.method !== "HEAD") {
        res.writeHead(405, { allow: "GET, HEAD", "content-length": 0 }).end();
        return true;
      }
      answer(req, res).catch((error: unknown) => {
        log(`guide: ${String(error)}`);
        if (res.headersSent) res.destroy();
        else res.writeHead(500, { "content-length": 0 }).end();
      });
      return true;
    },
  };
}
