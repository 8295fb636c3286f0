/** Requests to the OAuth 2.0 endpoints, which are forms, and their answers, which are JSON. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody } from "@stockwire/gateway/body";

/** An error of RFC 6749 (`error`) with the status of its answer. */
export interface Refusal {
  status: 400 | 401 | 403 | 405 | 413;
  error: string;
  description: string;
  headers?: Record<string, string>;
}

const MAX_FORM = 16 * 1024; // bytes
const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/**
 * Reads the form of a POST. Returns a refusal for another method or content type, a body that is too
 * large, and a parameter that is given twice; undefined if the client is gone.
 * https://www.rfc-editor.org/rfc/rfc6749#section-3.2
 */
export async function readForm(
  req: IncomingMessage,
): Promise<URLSearchParams | Refusal | undefined> {
  if (req.method !== "POST") {
    return invalid(405, "this endpoint accepts POST only", { allow: "POST" });
  }
  if (!FORM.test(req.headers["content-type"] ?? "")) {
    return invalid(400, "the body must be application/x-www-form-urlencoded");
  }
  const body = await readBody(req, MAX_FORM);
  if (body.outcome === "aborted") return undefined;
  if (body.outcome === "too-large") return invalid(413, "the body is too large");
  const form = new URLSearchParams(body.bytes.toString("utf8"));
  return hasRepeated(form) ? invalid(400, "a parameter is given twice") : form;
}

/** True if a parameter is given twice. */
export function hasRepeated(form: URLSearchParams): boolean {
  const names = [...form.keys()];
  return new Set(names).size < names.length;
}

/** The scopes of a parameter `scope`; none if it is absent. */
export const scopesIn = (form: URLSearchParams): string[] =>
  [...new Set((form.get("scope") ?? "").split(" "))].filter((scope) => scope !== "");

export function invalid(
  status: Refusal["status"],
  description: string,
  headers: Record<string, string> = {},
): Refusal {
  return { status, error: "invalid_request", description, headers };
}

export function refuse(res: ServerResponse, refusal: Refusal): void {
  const { status, error, description, headers } = refusal;
  sendJson(res, status, { error, error_description: description }, headers);
}

/** Sends an answer that no cache stores and that pages of any origin can read. */
export function sendJson(
  res: ServerResponse,
  status: number,
  value: object | undefined,
  headers: Record<string, string> = {},
): void {
  if (res.destroyed) return;
  const body = value === undefined ? "" : JSON.stringify(value);
  res.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    pragma: "no-cache",
    ...ANY_ORIGIN,
    ...headers,
  });
  res.end(body);
}

/** Requests carry their credentials themselves, never in cookies, so any page may read the answer. */
export const ANY_ORIGIN = { "access-control-allow-origin": "*" };

/** Answers a preflight. Returns false for any other request. */
export function answerPreflight(req: IncomingMessage, res: ServerResponse): boolean {
  if (req.method !== "OPTIONS") return false;
  const methods = { "access-control-allow-methods": "GET, POST" };
  const allowed = { ...methods, "access-control-allow-headers": "authorization, content-type" };
  res.writeHead(204, { ...ANY_ORIGIN, ...allowed, "access-control-max-age": "600" }).end();
  return true;
}
