/**
 * Non-proxy integrations: a request template makes the payload, and a response template makes the body
 * of the answer. `AWS` invokes a Lambda function, `MOCK` answers by itself.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-integration-settings.html
 */

import type { Concurrency } from "../concurrency.ts";
import { isHeader } from "../header.ts";
import { member, parseJson } from "../json.ts";
import { type LambdaHandler, MAX_PAYLOAD, ThrottledError, invokeWith } from "../lambda.ts";
import { groupByName, lastValues } from "../event-v1.ts";
import type { GatewayRequest } from "../request.ts";
import { type RestSource, requestPart, resourcePath, restHeaders } from "./event.ts";
import type { GatewayResponseType } from "./gateway-response.ts";
import { type RestResponse, readStatus } from "./response.ts";
import { type ResponseOverride, type Template, parseTemplate } from "./template.ts";

/** A non-proxy integration. */
export interface IntegrationConfig {
  type: "AWS" | "MOCK";
  /** By content type of the request. */
  requestTemplates?: Readonly<Record<string, string>>;
  /** What happens to a content type without a template. Default: `WHEN_NO_MATCH`, pass it on. */
  passthroughBehavior?: "WHEN_NO_MATCH" | "WHEN_NO_TEMPLATES" | "NEVER";
  /** The first whose pattern matches; the one without a pattern is for everything else. */
  responses: readonly IntegrationResponse[];
}

/** An integration response. */
export interface IntegrationResponse {
  statusCode: number;
  /** Matches the whole `errorMessage` of a function, or the status code of a mock. */
  selectionPattern?: string;
  /** The template for `application/json`. Default: the integration's body as it is. */
  responseTemplate?: string;
  /**
   * `method.response.header.Name` to a static value in single quotes or to
   * `integration.response.body.path`.
   */
  responseParameters?: Readonly<Record<string, string>>;
}

/** The result: an answer, or the gateway response to give instead. */
export type IntegrationResult =
  | { response: RestResponse }
  | { failed: GatewayResponseType; reason: string; error: unknown };

/** Runs the integration of one method. Never rejects. */
export type Integration = (
  request: GatewayRequest,
  source: RestSource,
  body: Buffer,
) => Promise<IntegrationResult>;

const PARAMETER = /^method\.response\.header\.([!#$%&'*+.^_`|~0-9A-Za-z-]+)$/;

/** The function of an integration; a mock has none. */
interface Target {
  handler: LambdaHandler | undefined;
  functionName: string;
  timeoutMs: number;
  concurrency: Concurrency;
}

/** Creates an integration. Throws for a template that is not VTL, with its line and column. */
export function createIntegration(
  routeKey: string,
  config: IntegrationConfig,
  target: Target,
): Integration {
  const templates = new Map(
    Object.entries(config.requestTemplates ?? {}).map(([type, text]) => [
      type.toLowerCase(),
      parseTemplate(`${routeKey}, request template for ${type}`, text),
    ]),
  );
  const responses = config.responses.map((response, at) =>
    readResponse(`${routeKey}, response ${at + 1}`, response),
  );
  if (config.type === "AWS" && !target.handler) throw new Error(`${routeKey}: there is no handler`);

  return async (request, source, body) => {
    const variables = variablesOf(request, source);
    const template = templateFor(request, templates, config.passthroughBehavior);
    if (template === "unsupported") {
      return failed("UNSUPPORTED_MEDIA_TYPE", "no template for the content type");
    }
    let payload: string;
    try {
      payload = template ? template(variables(body.toString("utf8"))) : body.toString("utf8");
    } catch (error) {
      return failed("API_CONFIGURATION_ERROR", "the request template failed", error);
    }
    const result = config.type === "MOCK" ? mocked(payload) : await invoked(target, payload);
    if ("failed" in result) return result;
    const selected =
      responses.find(({ pattern }) => pattern !== undefined && pattern.test(result.selector)) ??
      responses.find(({ pattern }) => pattern === undefined);
    if (!selected) {
      return failed("API_CONFIGURATION_ERROR", "no response matches", new Error(result.selector));
    }
    try {
      return { response: answer(selected, result.body, variables(result.body)) };
    } catch (error) {
      return failed("API_CONFIGURATION_ERROR", "the response template failed", error);
    }
  };
}

interface ReadResponse {
  status: number;
  pattern: RegExp | undefined;
  template: Template | undefined;
  headers: { name: string; value: (body: unknown) => string | undefined }[];
}

function readResponse(
  name: string,
  { statusCode, selectionPattern, responseTemplate, responseParameters = {} }: IntegrationResponse,
): ReadResponse {
  if (readStatus(statusCode) === undefined) {
    throw new Error(`${name}: statusCode must be 200 to 599`);
  }
  return {
    status: statusCode,
    pattern:
      selectionPattern === undefined ? undefined : new RegExp(`^(?:${selectionPattern})$`, "s"),
    template:
      responseTemplate === undefined
        ? undefined
        : parseTemplate(`${name}, response template`, responseTemplate),
    headers: Object.entries(responseParameters).map(([key, expression]) => {
      const [, header] = PARAMETER.exec(key) ?? [];
      if (header === undefined)
        throw new Error(`${name}: ${key} is not method.response.header.NAME`);
      return { name: header, value: headerValue(name, expression) };
    }),
  };
}

function headerValue(name: string, expression: string): (body: unknown) => string | undefined {
  if (/^'[^']*'$/.test(expression)) return () => expression.slice(1, -1);
  const [, path] = /^integration\.response\.body\.([A-Za-z0-9_.]+)$/.exec(expression) ?? [];
  if (path === undefined) throw new Error(`${name}: ${expression} is not supported`);
  return (body) => {
    const value = path.split(".").reduce<unknown>((part, key) => member(part, key), body);
    if (typeof value === "string") return value;
    return value === undefined ? undefined : JSON.stringify(value);
  };
}

/** The template of a content type; undefined passes the body on. */
function templateFor(
  request: GatewayRequest,
  templates: ReadonlyMap<string, Template>,
  behavior: IntegrationConfig["passthroughBehavior"] = "WHEN_NO_MATCH",
): Template | undefined | "unsupported" {
  const type = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  const template = templates.get(type || "application/json");
  if (template || behavior === "WHEN_NO_MATCH") return template;
  return behavior === "NEVER" || templates.size > 0 ? "unsupported" : undefined;
}

/** What the integration returned. `selector` is matched with the patterns of the responses. */
type Returned = { body: string; selector: string };

function mocked(payload: string): Returned | ReturnType<typeof failed> {
  const status = member(parseJson(payload), "statusCode");
  return typeof status === "number" && Number.isInteger(status)
    ? { body: "", selector: String(status) }
    : failed("API_CONFIGURATION_ERROR", "the template of a mock must give a statusCode");
}

async function invoked(
  { handler, functionName, timeoutMs, concurrency }: Target,
  payload: string,
): Promise<Returned | ReturnType<typeof failed>> {
  // A body within the gateway's limit can exceed that of Lambda, and a template can enlarge it.
  if (Buffer.byteLength(payload) > MAX_PAYLOAD) {
    return failed("REQUEST_TOO_LARGE", "the payload exceeds the limit of Lambda");
  }
  const event = payload === "" ? {} : parseJson(payload);
  if (event === undefined || !handler) {
    return failed("API_CONFIGURATION_ERROR", "the payload is not JSON");
  }
  const invocation = await invokeWith(handler, functionName, () => event, timeoutMs, concurrency);
  switch (invocation.outcome) {
    case "timed-out":
      return failed("INTEGRATION_TIMEOUT", `no result after ${timeoutMs} ms`);
    case "failed": {
      // The body of a failed invocation, as Lambda writes it.
      const { error } = invocation;
      if (error instanceof ThrottledError) {
        return failed("API_CONFIGURATION_ERROR", "the function is throttled", error);
      }
      const errorMessage = error instanceof Error ? error.message : String(error);
      const errorType = error instanceof Error ? error.name : "Error";
      return {
        body: JSON.stringify({ errorType, errorMessage, trace: [] }),
        selector: errorMessage,
      };
    }
    case "returned":
    default:
      return { body: JSON.stringify(invocation.value), selector: "" };
  }
}

function answer(
  { status, template, headers }: ReadResponse,
  body: string,
  variables: ReturnType<ReturnType<typeof variablesOf>>,
): RestResponse {
  const text = template ? template(variables) : body;
  const json = headers.length > 0 ? parseJson(body) : undefined;
  const { status: overridden, header } = variables.context.responseOverride;
  const mapped = headers.flatMap(({ name, value }) => {
    const given = value(json);
    return given === undefined ? [] : [[name, given] as const];
  });
  const override = Object.entries(header).map(([name, value]) => [name, String(value)] as const);
  const all = [["Content-Type", "application/json"] as const, ...mapped, ...override];
  if (!all.every(isHeader)) throw new Error("a header of the response cannot be written");
  return {
    status: readStatus(overridden ?? status) ?? status,
    headers: all.filter(
      ([name], at) =>
        !all.slice(at + 1).some(([later]) => later.toLowerCase() === name.toLowerCase()),
    ),
    body: Buffer.from(text),
  };
}

/** The variables of a request's templates, given a body. */
function variablesOf(request: GatewayRequest, source: RestSource) {
  const params = {
    path: source.pathParameters ?? {},
    querystring: lastValues(groupByName(request.query)),
    header: lastValues(restHeaders(request)),
  };
  const { requestContext } = requestPart(request, source);
  const responseOverride: ResponseOverride = { header: {} };
  const context = {
    ...requestContext,
    resourcePath: resourcePath(source.routeKey),
    requestOverride: { header: {}, path: {}, querystring: {} },
    responseOverride,
  };
  const stageVariables = source.stageVariables ?? {};
  return (body: string) => ({ body, params, context, stageVariables });
}

const failed = (type: GatewayResponseType, reason: string, error: unknown = new Error(reason)) =>
  ({ failed: type, reason, error }) as const;
