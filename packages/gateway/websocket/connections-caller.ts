import type { ApiIdentity } from "../event.ts";
import type { GatewayRequest } from "../request.ts";
import { readAuthorization, sameSignature, signatureOf } from "../auth/sigv4.ts";

/** Why a caller is refused, in AWS's names. */
export interface CallerRefusal {
  type: string;
  text: string;
}

/** Checks a signature once the body is there; undefined if it is right. */
export type SignatureCheck = (body: Buffer) => CallerRefusal | undefined;

const SERVICE = "execute-api";
const MAX_SKEW = 5 * 60_000; // milliseconds
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

const MISSING = {
  type: "MissingAuthenticationTokenException",
  text: "Missing Authentication Token",
};
const INCOMPLETE = {
  type: "IncompleteSignatureException",
  text: "Authorization header requires 'Credential', 'SignedHeaders' with 'host' and 'x-amz-date', and 'Signature'.",
};
const UNKNOWN = {
  type: "UnrecognizedClientException",
  text: "The security token included in the request is invalid.",
};
const WRONG = {
  type: "InvalidSignatureException",
  text: "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
};

/**
 * Reads who calls: all that can be refused without the body is, so that no stranger makes the gateway
 * read one. `secrets` are by access key id.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
 */
export function readCaller(
  request: GatewayRequest,
  { region }: ApiIdentity,
  secrets: ReadonlyMap<string, string>,
): SignatureCheck | CallerRefusal {
  const header = request.headers.get("authorization");
  if (header === undefined) return MISSING;
  const parts = readAuthorization(header);
  const date = request.headers.get("x-amz-date") ?? "";
  const sentAt = Date.parse(date.replace(DATE, "$1-$2-$3T$4:$5:$6Z"));
  if (!parts || Number.isNaN(sentAt)) return INCOMPLETE;
  const { credential, signedHeaders, signature } = parts;
  if (!signedHeaders.includes("host") || !signedHeaders.includes("x-amz-date")) return INCOMPLETE;

  const secret = secrets.get(credential.accessKeyId);
  if (secret === undefined) return UNKNOWN;
  const wrong = (text: string) => ({ type: WRONG.type, text });
  if (credential.service !== SERVICE) {
    return wrong(`Credential should be scoped to correct service: '${SERVICE}'.`);
  }
  if (credential.region !== region) {
    return wrong(`Credential should be scoped to a valid region, not '${credential.region}'.`);
  }
  if (!date.startsWith(`${credential.date}T`)) {
    return wrong(`Date in Credential scope does not match YYYYMMDD from X-Amz-Date: '${date}'.`);
  }
  if (Math.abs(request.receivedAt - sentAt) > MAX_SKEW) {
    return wrong(`Signature expired: ${date} is more than 5 minutes from the gateway's clock.`);
  }
  return (body) => {
    const expected = signatureOf(request, signedHeaders, body, credential, secret);
    return sameSignature(expected, signature) ? undefined : WRONG;
  };
}
