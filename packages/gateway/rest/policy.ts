/**
 * IAM policies of REST APIs: the resource policy of the API, and the policies that its Lambda
 * authorizers return. What cannot be evaluated here is refused at the start, or never allows.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
 */

import { BlockList, isIP } from "node:net";
import { type PolicyEffect, type Statement, evaluate, readPolicy } from "../auth/iam-policy.ts";
import type { ApiIdentity } from "../event.ts";
import { isRecord } from "../json.ts";

/** Decides about the caller's address; `implicit` means that no statement says anything. */
export type ResourcePolicy = (arn: string, sourceIp: string) => PolicyEffect;

/**
 * Compiles a resource policy. Resources may be written as `execute-api:/stage/METHOD/path`. Conditions
 * can name `aws:SourceIp`; conditions on VPCs hold for no caller of this gateway, which has none.
 * Throws for a statement that it could not evaluate.
 */
export function createResourcePolicy(document: unknown, api: ApiIdentity): ResourcePolicy {
  const statements = policyOf(document, api).map((statement, at) => {
    const { principal } = statement;
    if (principal !== "*" && !(isRecord(principal) && principal["AWS"] === "*")) {
      throw new Error(`resourcePolicy: statement ${at + 1}: only the principal "*" is supported`);
    }
    return {
      // Whether its condition holds is known when it is evaluated.
      statement: { ...statement, condition: undefined },
      applies: conditionOf(statement.condition, at + 1),
    };
  });
  return (arn, sourceIp) => {
    const policy = statements
      .filter(({ applies }) => applies(sourceIp))
      .map(({ statement }) => statement);
    return evaluate(policy, arn, "execute-api:Invoke");
  };
}

function policyOf(document: unknown, api: ApiIdentity): Statement[] {
  try {
    return readPolicy(document, (resource) => fullArn(resource, api));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`resourcePolicy: ${reason}`, { cause: error });
  }
}

/** `execute-api:/stage/GET/path` becomes an ARN of this API. */
const fullArn = (resource: string, api: ApiIdentity): string =>
  resource.replace(
    /^execute-api:\//,
    `arn:aws:execute-api:${api.region}:${api.accountId}:${api.apiId}/`,
  );

const VPC_KEYS: ReadonlySet<string> = new Set(["aws:sourcevpc", "aws:sourcevpce"]);

/** All conditions of a statement must hold. */
function conditionOf(condition: unknown, statement: number): (sourceIp: string) => boolean {
  if (condition === undefined) return () => true;
  const fail = (what: string): never => {
    throw new Error(`resourcePolicy: statement ${statement}: ${what} is not supported`);
  };
  if (!isRecord(condition)) return fail("its condition");
  const tests = Object.entries(condition).flatMap(([operator, keys]) =>
    Object.entries(isRecord(keys) ? keys : fail(operator)).map(([key, value]) => {
      const negated = operator.startsWith("Not") || operator.startsWith("StringNot");
      if (VPC_KEYS.has(key.toLowerCase()) && /^String(?:Not)?(?:Equals|Like)$/.test(operator)) {
        return () => negated;
      }
      if (key.toLowerCase() !== "aws:sourceip") return fail(key);
      if (operator !== "IpAddress" && operator !== "NotIpAddress") return fail(operator);
      const list = blockList([value].flat().map(String), fail);
      return (sourceIp: string) => {
        const family = isIP(sourceIp) === 6 ? "ipv6" : "ipv4";
        return list.check(sourceIp, family) !== negated;
      };
    }),
  );
  return (sourceIp) => tests.every((holds) => holds(sourceIp));
}

function blockList(ranges: readonly string[], fail: (what: string) => never): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const version = isIP(address);
    const prefix = bits === undefined ? (version === 4 ? 32 : 128) : Number(bits);
    const inRange = Number.isInteger(prefix) && prefix >= 0 && prefix <= (version === 4 ? 32 : 128);
    if (version === 0 || !inRange) fail(`the address ${range}`);
    list.addSubnet(address, prefix, version === 6 ? "ipv6" : "ipv4");
  }
  return list;
}

/** AWS's message for a caller whom the resource policy refuses. It masks the account. */
export function policyMessage(arn: string, effect: "deny" | "implicit"): string {
  const masked = arn.replace(
    /:(\d+)(\d{4}):/,
    (_, hidden: string, shown: string) => `:${"*".repeat(hidden.length)}${shown}:`,
  );
  const suffix = effect === "deny" ? " with an explicit deny" : "";
  return `User: anonymous is not authorized to perform: execute-api:Invoke on resource: ${masked}${suffix}`;
}
