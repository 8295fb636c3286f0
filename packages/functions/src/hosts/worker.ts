/**
 * The HTTP API on workerd, such as Cloudflare Workers. Settings and keys are bindings. It needs the
 * compatibility flag `nodejs_compat`.
 * https://developers.cloudflare.com/workers/runtime-apis/nodejs/
 */

import { openFetchTransport } from "@stockwire/core/aws/fetch";
import { createService, NOT_OFFERED, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";

interface ExecutionContext {
  waitUntil: (work: Promise<unknown>) => void;
}

let service: Service | undefined;

/** At the first request: bindings are not known before, and a global scope must not do much. */
function open(bindings: Readonly<Record<string, unknown>>): Service {
  const created = createService(readSettings(bindings), {
    runtime: "workerd",
    transport: openFetchTransport,
    // oxlint-disable-next-line no-console -- a Worker has no other log
    write: (line) => console.log(line.trimEnd()),
  });
  created.log.info(NOT_OFFERED, {});
  return created;
}

export default {
  fetch(
    request: Request,
    bindings: Readonly<Record<string, unknown>>,
    context: ExecutionContext,
  ): Promise<Response> {
    service ??= open(bindings);
    // Cloudflare's edge appends the client's address to X-Forwarded-For: TRUSTED_PROXIES=1.
    const answer = service.fetch(request);
    // Requests share what one of them waits for, such as the issuer's keys. A client that leaves
    // must not end it for the others.
    context.waitUntil(answer);
    return answer;
  },
};
