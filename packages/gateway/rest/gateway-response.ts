/**
 * Gateway responses: the answers that a REST API gives itself, without its integration. Their bodies
 * are those of AWS to the byte, with a space where AWS writes one.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */

import { isToken } from "../header.ts";
import type { RestResponse } from "./response.ts";

/** AWS's names of the gateway responses that this gateway gives. */
export type GatewayResponseType =
  | "ACCESS_DENIED"
  | "AUTHORIZER_CONFIGURATION_ERROR"
  | "AUTHORIZER_FAILURE"
  | "API_CONFIGURATION_ERROR"
  | "BAD_REQUEST_BODY"
  | "BAD_REQUEST_PARAMETERS"
  | "INTEGRATION_FAILURE"
  | "INTEGRATION_TIMEOUT"
  | "INVALID_API_KEY"
  | "MISSING_AUTHENTICATION_TOKEN"
  | "QUOTA_EXCEEDED"
  | "REQUEST_TOO_LARGE"
  | "THROTTLED"
  | "UNAUTHORIZED"
  | "UNSUPPORTED_MEDIA_TYPE";

/** A customised gateway response. `DEFAULT_4XX` and `DEFAULT_5XX` apply to types without their own. */
export interface GatewayResponseConfig {
  statusCode?: number;
  /** `gatewayresponse.header.Name` to a static value in single quotes, such as `'*'`. */
  responseParameters?: Readonly<Record<string, string>>;
  /** The template for `application/json`; only variables are replaced. */
  responseTemplate?: string;
}

/** Customised gateway responses by type. */
export type GatewayResponses = Readonly<
  Partial<Record<GatewayResponseType | "DEFAULT_4XX" | "DEFAULT_5XX", GatewayResponseConfig>>
>;

interface Default {
  status: number;
  errorType: string;
  /** Undefined where each answer has its own text. */
  message?: string | null;
  /** How AWS writes the body of this type. */
  body?: (message: string | null) => string;
}

const compact = (message: string | null) => `{"message":${JSON.stringify(message)}}`;
// AWS writes these with a space after the colon.
const spaced = (message: string | null) => `{"message": ${JSON.stringify(message)}}`;
const capital = (message: string | null) => `{"Message":${JSON.stringify(message)}}`;

const DEFAULTS: Readonly<Record<GatewayResponseType, Default>> = {
  ACCESS_DENIED: { status: 403, errorType: "AccessDeniedException", body: capital },
  AUTHORIZER_CONFIGURATION_ERROR: {
    status: 500,
    errorType: "AuthorizerConfigurationException",
    message: null,
  },
  AUTHORIZER_FAILURE: { status: 500, errorType: "AuthorizerFailureException", message: null },
  API_CONFIGURATION_ERROR: {
    status: 500,
    errorType: "InternalServerErrorException",
    message: "Internal server error",
    body: spaced,
  },
  BAD_REQUEST_BODY: {
    status: 400,
    errorType: "BadRequestException",
    message: "Invalid request body",
    body: spaced,
  },
  BAD_REQUEST_PARAMETERS: { status: 400, errorType: "BadRequestException", body: spaced },
  // The documented status is 504, but a malformed result and an error of the function are recorded
  // as 502.
  INTEGRATION_FAILURE: {
    status: 502,
    errorType: "InternalServerErrorException",
    message: "Internal server error",
    body: spaced,
  },
  INTEGRATION_TIMEOUT: {
    status: 504,
    errorType: "InternalServerErrorException",
    message: "Endpoint request timed out",
    body: spaced,
  },
  INVALID_API_KEY: { status: 403, errorType: "ForbiddenException", message: "Forbidden" },
  MISSING_AUTHENTICATION_TOKEN: {
    status: 403,
    errorType: "MissingAuthenticationTokenException",
    message: "Missing Authentication Token",
  },
  QUOTA_EXCEEDED: { status: 429, errorType: "LimitExceededException", message: "Limit Exceeded" },
  REQUEST_TOO_LARGE: {
    status: 413,
    errorType: "RequestTooLargeException",
    message: "Request Too Long",
  },
  THROTTLED: { status: 429, errorType: "TooManyRequestsException", message: "Too Many Requests" },
  UNAUTHORIZED: { status: 401, errorType: "UnauthorizedException", message: "Unauthorized" },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    errorType: "BadRequestException",
    message: "Unsupported Media Type",
  },
};

/** What the templates of gateway responses can show. */
export interface ErrorContext {
  requestId: string;
  extendedRequestId: string;
  stage: string;
  stageVariables: Readonly<Record<string, string>>;
}

/** Makes a gateway response. `message` is for types whose text depends on the request. */
export type MakeGatewayResponse = (
  type: GatewayResponseType,
  context: ErrorContext,
  message?: string,
) => RestResponse;

/** Creates the function that makes gateway responses. Throws for a customisation that AWS refuses. */
export function createGatewayResponses(custom: GatewayResponses = {}): MakeGatewayResponse {
  for (const [type, config] of Object.entries(custom)) check(type, config);
  return (type, context, text) => {
    const { status, errorType, message: fixed = null, body = compact } = DEFAULTS[type];
    const message = text ?? fixed;
    const fallback = status < 500 ? custom.DEFAULT_4XX : custom.DEFAULT_5XX;
    const { statusCode, responseParameters, responseTemplate } = custom[type] ?? fallback ?? {};
    const json =
      responseTemplate === undefined
        ? body(message)
        : replaceVariables(responseTemplate, { ...context, type, message });
    return {
      status: statusCode ?? status,
      headers: [
        ["Content-Type", "application/json"],
        ["x-amzn-ErrorType", errorType],
        ...Object.entries(responseParameters ?? {}).map(
          ([name, value]) => [name.slice(PARAMETER.length), unquoted(value)] as const,
        ),
      ],
      body: Buffer.from(json),
      error: message ?? errorType,
    };
  };
}

const PARAMETER = "gatewayresponse.header.";
const STATIC = /^'[^']*'$/;

function check(type: string, { statusCode, responseParameters = {} }: GatewayResponseConfig): void {
  if (!Object.hasOwn(DEFAULTS, type) && type !== "DEFAULT_4XX" && type !== "DEFAULT_5XX") {
    throw new Error(`gatewayResponses: ${type} is not a gateway response of this gateway`);
  }
  if (
    statusCode !== undefined &&
    !(Number.isInteger(statusCode) && statusCode >= 400 && statusCode <= 599)
  ) {
    throw new Error(`gatewayResponses ${type}: statusCode must be 400 to 599`);
  }
  for (const [name, value] of Object.entries(responseParameters)) {
    if (!name.startsWith(PARAMETER) || !isToken(name.slice(PARAMETER.length))) {
      throw new Error(`gatewayResponses ${type}: ${name} is not ${PARAMETER}NAME`);
    }
    if (!STATIC.test(value)) {
      throw new Error(`gatewayResponses ${type}: ${name} must be a value in single quotes`);
    }
  }
}

const unquoted = (text: string): string => text.slice(1, -1);

/** Gateway responses know variables only, no expressions. */
function replaceVariables(
  template: string,
  {
    type,
    message,
    requestId,
    extendedRequestId,
    stage,
    stageVariables,
  }: ErrorContext & {
    type: string;
    message: string | null;
  },
): string {
  const values: Readonly<Record<string, string>> = {
    "context.error.messageString": JSON.stringify(message),
    "context.error.message": message ?? "",
    "context.error.responseType": type,
    "context.requestId": requestId,
    "context.extendedRequestId": extendedRequestId,
    "context.stage": stage,
  };
  return template.replace(
    /\$(context(?:\.[A-Za-z]+)+|stageVariables\.[A-Za-z0-9_]+)/g,
    (_, name: string) => {
      const variable = name.replace(/^stageVariables\./, "");
      return (name === variable ? values[name] : stageVariables[variable]) ?? "";
    },
  );
}
