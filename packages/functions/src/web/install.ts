import { LightHeaders } from "./headers.ts";
import { LightRequest } from "./request.ts";
import { LightResponse } from "./response.ts";

/**
 * Makes Hono and its Lambda adapter work with small classes, as Hono's own server for Node does.
 * Node's classes load all of fetch, which is a fifth of a cold start, and cost more than routing and
 * validation of a warm request. In this process every later `new Request`, `new Response` and
 * `new Headers` is a small one; what `fetch` returns is not.
 */
export function installLightClasses(): void {
  // Assigned: Node loads fetch if its lazy property is defined again.
  Object.assign(globalThis, {
    Headers: LightHeaders,
    Request: LightRequest,
    Response: LightResponse,
  });
}
