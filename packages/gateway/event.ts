/**
 * The parts that the events of all kinds of APIs and both payload formats share.
 */

import type { GatewayRequest } from "./request.ts";

/** The names under which an API is known in AWS. They appear in events and in ARNs. */
export interface ApiIdentity {
  accountId: string;
  apiId: string;
  region: string;
  domainName: string;
}

/** The identity of an API whose configuration gives none. */
export const LAPTOP: ApiIdentity = {
  accountId: "123456789012",
  apiId: "laptop",
  region: "us-east-1",
  domainName: "localhost",
};

/** Everything in an event that does not come from the request itself. */
export interface EventSource {
  api: ApiIdentity;
  stage: string;
  routeKey: string;
  pathParameters: Record<string, string> | undefined;
  /** `requestContext.authorizer`; undefined for a route without an authorizer. */
  authorizer?: Record<string, unknown> | undefined;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The decoded path, with the stage if the client sent one. */
export function rawPath({ segments }: GatewayRequest): string {
  return `/${segments.join("/")}`;
}

/** The last time that was written: requests of one second share their text. */
let latest = { second: Number.NaN, text: "" };

/** A time in epoch milliseconds as AWS logs it: `14/Apr/2025:22:13:56 +0000`, always UTC. */
export function logTime(at: number): string {
  const second = Math.floor(at / 1000);
  if (latest.second !== second) latest = { second, text: secondText(at) };
  return latest.text;
}

function secondText(at: number): string {
  const [date = "", time = ""] = new Date(at).toISOString().split("T");
  const [year = "", month = "", day = ""] = date.split("-");
  return `${day}/${MONTHS[Number(month) - 1] ?? ""}/${year}:${time.slice(0, 8)} +0000`;
}

/** The headers that the gateway sets itself, in lower case. A client's own values are replaced. */
export function forwardedHeaders({
  headers,
  sourceIp,
  port,
  traceId,
}: GatewayRequest): [string, string][] {
  const received = headers.get("x-forwarded-for");
  return [
    ["x-amzn-trace-id", traceId],
    ["x-forwarded-for", received === undefined ? sourceIp : `${received}, ${sourceIp}`],
    // AWS always sends 443 and https. Here they are true, so that a handler can build its own URL.
    ["x-forwarded-port", port],
    ["x-forwarded-proto", "http"],
  ];
}

/** The first label of a domain name, `requestContext.domainPrefix`. */
export function domainPrefix(domainName: string): string {
  const end = domainName.indexOf(".");
  return end < 0 ? domainName : domainName.slice(0, end);
}
