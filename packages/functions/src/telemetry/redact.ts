/** Makes events and answers fit to be logged: no credentials, no addresses, no long texts. */

/** Headers, parameters and members whose values are not logged. */
const SECRETS: ReadonlySet<string> = new Set([
  "authorization",
  "authorizationtoken", // of a TOKEN authorizer's event
  "cookie",
  "cookies",
  "set-cookie",
  "x-api-key",
  "x-amz-security-token",
  "sec-websocket-protocol",
  "idempotency-key",
  "apikey",
  "token",
  "access_token",
  "id_token",
  "refresh_token",
  "ticket",
  "password",
  "secret",
  "client_secret",
  "email",
  "emailkey", // of a stored user
  "phone",
]);

const REDACTED = "[redacted]";
const MAX_TEXT = 2_000; // UTF-16 code units
const MAX_ENTRIES = 100; // of a list or an object
const MAX_DEPTH = 12;

/**
 * Returns a copy for the log. A text that is an object or array of JSON is parsed, so that its members
 * are checked too; a `body`, or the start of one, that is not JSON is replaced by its length.
 */
export function redacted(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactedText(value, depth);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return "[deeper]";
  if (Array.isArray(value)) {
    return value.slice(0, MAX_ENTRIES).map((entry) => redacted(entry, depth + 1));
  }
  const entries = Object.entries(value).slice(0, MAX_ENTRIES);
  return Object.fromEntries(
    entries.map(([name, member]) => [name, redactedMember(name, member, depth)]),
  );
}

function redactedMember(name: string, value: unknown, depth: number): unknown {
  if (SECRETS.has(name.toLowerCase())) return REDACTED;
  if (typeof value !== "string") return redacted(value, depth + 1);
  if (name === "body") return redactedBody(value, depth);
  if (name === "rawQueryString") return shortened(redactedQuery(value));
  return redactedText(value, depth);
}

const redactedText = (text: string, depth: number): unknown =>
  /^\s*[{[]/.test(text) ? redactedBody(text, depth) : shortened(text);

function redactedBody(body: string, depth: number): unknown {
  if (body === "") return body;
  if (depth >= MAX_DEPTH) return "[deeper]";
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object") return redacted(value, depth + 1);
  } catch {
    // Not JSON: nothing says which part of it is secret.
  }
  return `[${body.length} characters]`;
}

function redactedQuery(query: string): string {
  const parameters = new URLSearchParams(query);
  for (const name of new Set(parameters.keys())) {
    if (SECRETS.has(name.toLowerCase())) parameters.set(name, REDACTED);
  }
  return parameters.toString();
}

/** A JWT, wherever it is: the base64url of `{"` and what follows. */
const JWT = /eyJ[\w-]{10,}(?:\.[\w-]*)*/g;

function shortened(text: string): string {
  const safe = text.replaceAll(JWT, REDACTED);
  return safe.length <= MAX_TEXT ? safe : `${safe.slice(0, MAX_TEXT)}… [${safe.length} characters]`;
}
