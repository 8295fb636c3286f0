/**
 * The function behind the Partner API's mapping templates. Its events are what a request template makes
 * of a request, and its results what a response template reads.
 */

interface Event {
  name?: unknown;
  timestamp?: unknown;
  /** An event of a REST API that lists items. */
  list?: { queryStringParameters?: { nextToken?: unknown } };
  /** To be returned unchanged. */
  echo?: unknown;
}

/** Greets, lists items, or returns what it was given. */
export async function handler(event: Event): Promise<object> {
  if (event.echo !== undefined) return event.echo as object;
  if (event.list !== undefined) return list(event.list);
  const name = typeof event.name === "string" && event.name !== "" ? event.name : "Unknown";
  return { greeting: `Hello ${name}!`, processed_at: event.timestamp };
}

/** The app's answer, with the token of the page that was asked for; empty for the first page. */
async function list(event: NonNullable<Event["list"]>): Promise<object> {
  // Greetings need no database, so the app is loaded when a list is wanted.
  const http = await import("./http.ts");
  const { statusCode, body = "null" } = await http.handler(event);
  const page = event.queryStringParameters?.nextToken ?? "";
  return { status: statusCode, body: JSON.parse(body) as unknown, page };
}
