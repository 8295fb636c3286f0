/**
 * What a token may call through the Partner API, as an IAM policy. API Gateway caches the policy for the
 * token and evaluates it for every method, and it answers from its response cache without asking the
 * app. So the policy lists every method that the scopes permit, and denies every other one by name: a
 * resource policy that admits everyone would else open what the authorizer's policy does not mention.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
 */

import methods from "./methods.json" with { type: "json" };

/** An IAM statement. */
interface Statement {
  Effect: "Allow" | "Deny";
  Action: string;
  Resource: readonly string[];
}

/** An IAM policy document, smaller than API Gateway's limit of 8 192 bytes. */
export interface PolicyDocument {
  Version: "2012-10-17";
  Statement: readonly Statement[];
}

/** A method with its path pattern, such as `GET/products/*`, and the scopes that it needs. */
interface Method {
  pattern: string;
  needs: readonly string[];
}

const METHODS: readonly Method[] = methods.map(({ method, path, needs }) => ({
  pattern: method + path.replaceAll(/\{\w+\}/g, "*"),
  needs,
}));

/**
 * The policy of a token with these scopes, for the stage of `methodArn`. A method without scopes of its
 * own is permitted to tokens that permit any other method. Without any, the whole stage is denied.
 */
export function policyFor(scopes: readonly string[], methodArn: string): PolicyDocument {
  const stage = methodArn.split("/", 2).join("/");
  const isAdmin = scopes.includes("admin");
  const mayUse = ({ needs }: Method) =>
    needs.length > 0 && (isAdmin || needs.every((scope) => scopes.includes(scope)));
  const hasRights = METHODS.some(mayUse);
  const isPermitted = (method: Method) =>
    mayUse(method) || (method.needs.length === 0 && hasRights);
  const statement = (
    Effect: Statement["Effect"],
    Action: string,
    patterns: readonly string[],
  ): Statement[] =>
    patterns.length === 0
      ? []
      : [{ Effect, Action, Resource: patterns.map((pattern) => `${stage}/${pattern}`) }];
  const permitted = METHODS.filter(isPermitted);
  const denied = METHODS.filter((method) => !isPermitted(method));
  return {
    Version: "2012-10-17",
    Statement: [
      ...statement(
        "Allow",
        INVOKE,
        permitted.map(({ pattern }) => pattern),
      ),
      ...statement("Deny", INVOKE, hasRights ? denied.map(deniedPattern) : ["*"]),
      ...statement("Allow", "execute-api:InvalidateCache", isAdmin ? ["GET/*"] : []),
    ],
  };
}

const INVOKE = "execute-api:Invoke";

/**
 * `*` also matches slashes, so `GET/products/*` admits histories, which need another scope: they are
 * denied, also with a slash at the end.
 */
const deniedPattern = ({ pattern }: Method): string =>
  pattern.includes("*/") ? `${pattern}*` : pattern;
