import { describe, expect, test } from "vitest";
import { scopes as allScopes } from "../api/policy.ts";
import { policyFor } from "./grant.ts";
import methods from "./methods.json" with { type: "json" };

const STAGE = "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/partner";
const ARN = `${STAGE}/GET/health`;

/** Evaluates a token's policy as IAM does: a deny wins. */
function evaluator(scopes: readonly string[]) {
  const statements = policyFor(scopes, ARN).Statement.map(({ Effect, Action, Resource }) => {
    const patterns = Resource.map((pattern) =>
      pattern.replaceAll(/[.+?^$()[\]{}|\\]/g, "\\$&").replaceAll("*", ".*"),
    );
    return { Effect, Action, matches: new RegExp(`^(?:${patterns.join("|")})$`) };
  });
  return (method: string, action = "execute-api:Invoke") => {
    const found = statements
      .filter(({ Action, matches }) => Action === action && matches.test(`${STAGE}/${method}`))
      .map(({ Effect }) => Effect);
    if (found.includes("Deny")) return "deny";
    return found.includes("Allow") ? "allow" : "implicit";
  };
}

const effect = (scopes: readonly string[], ...asked: [method: string, action?: string]) =>
  evaluator(scopes)(...asked);

const concrete = methods.map(({ method, path, needs }) => ({
  arn: method + path.replaceAll(/\{\w+\}/g, "0193-a.b"),
  needs,
}));

/** Each scope alone, each pair, none, and all. */
const combinations = [
  [],
  [...allScopes],
  ...allScopes.map((scope) => [scope]),
  ...allScopes.flatMap((one) => allScopes.map((other) => [one, other])),
];

describe("the policy of a token", () => {
  test("allows exactly the methods whose scopes the token has, and denies all others", () => {
    for (const scopes of combinations) {
      const permits = (needs: readonly string[]) =>
        needs.length > 0 &&
        (scopes.includes("admin") || needs.every((need) => scopes.includes(need as never)));
      const hasRights = concrete.some(({ needs }) => permits(needs));
      const evaluate = evaluator(scopes);
      const expected = concrete.map(({ arn, needs }) => {
        const isAllowed = permits(needs) || (needs.length === 0 && hasRights);
        return [arn, isAllowed ? "allow" : "deny"];
      });
      expect(concrete.map(({ arn }) => [arn, evaluate(arn)])).toEqual(expected);
    }
  });

  test("does not open histories to a token that may read records only, whatever the path ends with", () => {
    for (const end of ["", "/", "//"]) {
      expect(effect(["read:products"], `GET/products/1/history${end}`)).toBe("deny");
    }
    expect(effect(["read:products", "read:history"], "GET/products/1/history")).toBe("allow");
    expect(effect(["read:history"], "GET/products/1/history")).toBe("deny");
  });

  test("is the same for each method that is asked for first", () => {
    const scopes = ["read:products", "write:items"];
    for (const method of ["GET/products", "DELETE/users/1", "POST/nowhere/at/all"]) {
      expect(policyFor(scopes, `${STAGE}/${method}`)).toEqual(policyFor(scopes, ARN));
    }
  });

  test("lets only admins refresh the response cache", () => {
    const refresh = (scope: string) =>
      effect([scope], "GET/products", "execute-api:InvalidateCache");
    expect([refresh("admin"), refresh("read:products")]).toEqual(["allow", "implicit"]);
  });

  test("of a token without rights denies the whole stage", () => {
    for (const scopes of [[], ["publish:channels"], ["read:history"], ["unknown", "Admin"]]) {
      expect(policyFor(scopes, ARN).Statement).toEqual([
        { Effect: "Deny", Action: "execute-api:Invoke", Resource: [`${STAGE}/*`] },
      ]);
    }
  });

  test("is smaller than 8 192 bytes, also with the longest names of region and API", () => {
    const arn =
      "arn:aws-us-gov:execute-api:ap-southeast-99:123456789012:abcdefghijkl/partner/GET/health";
    for (const scopes of combinations) {
      expect(JSON.stringify(policyFor(scopes, arn)).length).toBeLessThan(6_500);
    }
  });
});
