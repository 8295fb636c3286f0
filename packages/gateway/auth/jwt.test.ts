import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { serve } from "../test/fixture.ts";
import { createKeySource } from "./jwks.ts";
import { createSignatureCheck } from "./jwt.ts";

interface Group {
  comment: string;
  private: { keys?: unknown[] };
  public?: { keys?: unknown[] };
  tests: { comment: string; jws?: unknown; result: string }[];
}

type Corpus = Record<
  "json_web_signature" | "json_web_key" | "json_web_crypto",
  { groups: Group[] }
>;

const corpus: Corpus = JSON.parse(
  readFileSync(new URL("../test/corpora/wycheproof-jose.json", import.meta.url), "utf8"),
);

// Two known differences: a token without a payload has no claims, so it is refused; and keys are not
// checked for the ROCA weakness, because the issuer is trusted to make good keys.
test.each([
  ["json_web_signature", ["emptyPayload", "emptyPayload", "emptyPayload"]],
  ["json_web_key", ["rejectsKeyWithRocaVulnerability"]],
  ["json_web_crypto", ["rejectsKeyWithRocaVulnerability"]],
] as const)(
  "agrees with Wycheproof's %s about RSA signatures, except for %j",
  async (name, known) => {
    let keys: unknown[] = [];
    let url = "";
    const { port } = await serve({
      handle: (_, res) => res.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/keys`, keys })),
    });
    url = `http://127.0.0.1:${port}`;
    const verdicts: { comment: string; passed: boolean; expected: boolean }[] = [];
    for (const group of corpus[name].groups) {
      const published = group.public ?? group.private;
      keys = published.keys ?? [published];
      const source = createKeySource(url, Date.now);
      const check = createSignatureCheck(source);
      for (const { comment, jws, result } of group.tests) {
        const token = typeof jws === "string" ? jws : JSON.stringify(jws ?? "");
        const reason = await check.verify(token).then(
          () => "",
          (error: unknown) => String(error),
        );
        // The payloads are not JSON, which is found only after the signature was valid.
        const passed = reason === "" || reason.endsWith("the token is not JSON");
        verdicts.push({ comment, passed, expected: result === "valid" && isRsa(token) });
      }
      source.close();
    }
    const different = verdicts.filter(({ passed, expected }) => passed !== expected);
    expect(different.map(({ comment }) => comment)).toEqual(known);
    expect(verdicts.some(({ expected }) => expected)).toBe(true);
  },
);

function isRsa(token: string): boolean {
  const [header = ""] = token.split(".");
  return /"alg" *: *"RS(?:256|384|512)"/.test(Buffer.from(header, "base64url").toString());
}
