/**
 * HTTP header fields (RFC 9110, section 5): which text may be written as a name or a value, and which
 * fields belong to one connection and so never pass through the gateway.
 */

/** Names and values in order; a repeated field is repeated. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Fields that concern only the connection between client and gateway, in either direction. */
const CONNECTION_FIELDS = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Request headers that no event contains. */
export const HIDDEN_FROM_EVENTS: ReadonlySet<string> = new Set([...CONNECTION_FIELDS, "expect"]);

/** Response headers that a Lambda function cannot set: the gateway frames its own responses. */
export const SET_BY_GATEWAY: ReadonlySet<string> = new Set([
  ...CONNECTION_FIELDS,
  "content-length",
]);

/** True for a header name, a method or a sub-protocol: text without separators. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** True for a header that can be written. False for CR and LF, which would start another header. */
export function isHeader([name, value]: HeaderList[number]): boolean {
  return isToken(name) && FIELD_VALUE.test(value);
}

/** `x-my-header` becomes `X-My-Header`, the case in which API Gateway writes names on HTTP/1.1. */
export function titleCase(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}
