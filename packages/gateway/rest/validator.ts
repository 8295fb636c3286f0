/**
 * Request validators: required parameters first, then the body against the model of its content type.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
 */

import type { ValidateFunction } from "ajv";
import AjvDraft4 from "ajv-draft-04";
import { parseJson } from "../json.ts";
import type { GatewayRequest } from "../request.ts";

/** What a route requires. */
export interface ValidationConfig {
  /** `method.request.header.X`, `….path.X` or `….querystring.X`; true means required. */
  requestParameters?: Readonly<Record<string, boolean>>;
  /** JSON Schemas (draft 4) by content type. */
  requestModels?: Readonly<Record<string, object>>;
  /** Without a member nothing is validated, whatever parameters and models say. */
  validate?: readonly ("params" | "body")[];
}

/** What is wrong with a request: `parameters` has the text of the answer. */
export type Fault = { kind: "parameters"; message: string } | { kind: "body" };

/** Validates a request. */
export interface Validator {
  parameters(
    request: Pick<GatewayRequest, "headers" | "query">,
    pathParameters: Readonly<Record<string, string>> | undefined,
  ): Fault | undefined;
  body(request: Pick<GatewayRequest, "headers">, body: Buffer): Fault | undefined;
}

const PARAMETER = /^method\.request\.(header|path|querystring)\.(.+)$/;

/** Creates the validator of a route. Throws for a parameter or model that AWS refuses. */
export function createValidator(
  routeKey: string,
  { requestParameters = {}, requestModels = {}, validate = [] }: ValidationConfig,
): Validator {
  const required = Object.entries(requestParameters)
    .flatMap(([key, isRequired]) => {
      const [, where = "", name = ""] = PARAMETER.exec(key) ?? [];
      if (name === "") throw new Error(`${routeKey}: ${key} is not a request parameter`);
      return isRequired ? [{ key, where, name }] : [];
    })
    // The order of AWS's message: by the whole key.
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const models = new Map(
    Object.entries(requestModels).map(([type, schema]) => [
      type.toLowerCase(),
      compile(`${routeKey}, model of ${type}`, schema),
    ]),
  );
  return {
    parameters(request, pathParameters = {}) {
      if (!validate.includes("params")) return undefined;
      const missing = required.filter(
        ({ where, name }) => !valueOf(request, pathParameters, where, name),
      );
      if (missing.length === 0) return undefined;
      const names = missing.map(({ name }) => name).join(", ");
      return { kind: "parameters", message: `Missing required request parameters: [${names}]` };
    },
    body(request, body) {
      if (!validate.includes("body")) return undefined;
      const type = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
      const model = models.get(type || "application/json");
      if (!model) return undefined;
      // AWS validates an empty body as an empty object.
      const value = body.length === 0 ? {} : parseJson(body.toString("utf8"));
      return value !== undefined && model(value) ? undefined : { kind: "body" };
    },
  };
}

/** The value of a parameter. A blank one counts as missing. */
function valueOf(
  { headers, query }: Pick<GatewayRequest, "headers" | "query">,
  pathParameters: Readonly<Record<string, string>>,
  where: string,
  name: string,
): boolean {
  if (where === "header") return Boolean(headers.get(name.toLowerCase())?.trim());
  if (where === "path") return Object.hasOwn(pathParameters, name);
  return query.some(([key, value]) => key === name && value.trim() !== "");
}

// AWS ignores keywords and formats that it does not know. One compiler for all models, because creating
// one takes longer than compiling a model.
const compiler = new AjvDraft4.default({
  strict: false,
  validateFormats: false,
  addUsedSchema: false, // two models may have one id
});

function compile(name: string, schema: object): ValidateFunction {
  try {
    return compiler.compile(schema);
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
