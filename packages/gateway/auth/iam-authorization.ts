/**
 * IAM authorization of requests that are signed with Signature Version 4. Everything that can be
 * refused without the body is refused first, so that an unknown caller cannot make the gateway read a
 * body. Errors have AWS's types and texts.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
 */

import type { ApiIdentity } from "../event.ts";
import type { GatewayRequest } from "../request.ts";
import { parseAmzDate, parseAuthorization, verifySignature } from "./sigv4.ts";

/** An error of the caller, with AWS's error type and message. */
export interface IamError {
  type: string;
  message: string;
}

/** Checks the signature of a request with this body; resolves to undefined if it is valid. */
export type BodyCheck = (body: Buffer) => Promise<IamError | undefined>;

const SERVICE = "execute-api";
const MAX_SKEW = 5 * 60_000; // milliseconds
// Requests that need IAM here have no query parameters, and the time of the signer grows with the
// square of their number: 3000 of them would take a second.
const MAX_PARAMETERS = 100;

const MISSING = {
  type: "MissingAuthenticationTokenException",
  message: "Missing Authentication Token",
};
const INCOMPLETE = {
  type: "IncompleteSignatureException",
  message:
    "Authorization header requires 'Credential', 'SignedHeaders' with 'host' and 'x-amz-date', and 'Signature'.",
};
const UNKNOWN_KEY = {
  type: "UnrecognizedClientException",
  message: "The security token included in the request is invalid.",
};
const INVALID = {
  type: "InvalidSignatureException",
  message:
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
};

/**
 * Checks everything but the signature. Returns the error, or the check of the signature for when the
 * body has been read. `secrets` holds secret access keys by access key id.
 */
export function authorizeCaller(
  request: GatewayRequest,
  { region }: ApiIdentity,
  secrets: ReadonlyMap<string, string>,
): BodyCheck | IamError {
  const header = request.headers.get("authorization");
  if (header === undefined) return MISSING;
  const authorization = parseAuthorization(header);
  const date = request.headers.get("x-amz-date") ?? "";
  const sentAt = parseAmzDate(date).getTime();
  if (!authorization || Number.isNaN(sentAt)) return INCOMPLETE;
  const { credential, signedHeaders } = authorization;
  if (!signedHeaders.includes("host") || !signedHeaders.includes("x-amz-date")) return INCOMPLETE;

  const secret = secrets.get(credential.accessKeyId);
  if (secret === undefined) return UNKNOWN_KEY;
  const invalid = (message: string) => ({ type: INVALID.type, message });
  if (credential.service !== SERVICE) {
    return invalid(`Credential should be scoped to correct service: '${SERVICE}'.`);
  }
  if (credential.region !== region) {
    return invalid(`Credential should be scoped to a valid region, not '${credential.region}'.`);
  }
  if (!date.startsWith(`${credential.date}T`)) {
    return invalid(`Date in Credential scope does not match YYYYMMDD from X-Amz-Date: '${date}'.`);
  }
  if (Math.abs(request.receivedAt - sentAt) > MAX_SKEW) {
    return invalid(`Signature expired: ${date} is more than 5 minutes from the gateway's clock.`);
  }
  if (request.query.length > MAX_PARAMETERS) return INVALID;
  return async (body) =>
    (await verifySignature(request, authorization, body, secret)) ? undefined : INVALID;
}
