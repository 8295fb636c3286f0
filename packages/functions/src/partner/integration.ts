/**
 * The methods of the Partner API that are no proxies of the app: their mapping templates change what the
 * function sees and what the client gets. They show what such integrations can do; `handlers/hello.ts` is their
 * function. Every value of a request is escaped before it becomes part of JSON.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
 */

import type { Scope } from "@stockwire/core/catalog/index";

/** A non-proxy integration with the function of `handlers/hello.ts`. */
export interface TemplateRoute {
  /** As API Gateway writes it. */
  routeKey: string;
  /** The scope that a token needs; undefined for any token with rights. */
  access?: Scope;
  /** False for a method that must not be on a protected stage. */
  onProtectedStages: boolean;
  requestTemplate: string;
  /** The model of its body. */
  model?: object;
  /** The first whose pattern matches the function's error; the one without a pattern is for results. */
  responses: readonly { statusCode: number; selectionPattern?: string; template: string }[];
}

/**
 * A reference as a JSON string. `escapeJavaScript` escapes single quotes, which JSON does not allow.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html#util-template-reference
 */
const text = (reference: string): string =>
  `"$util.escapeJavaScript(${reference}).replaceAll("\\\\'", "'")"`;

/** Whatever the function throws stays in its log. */
const FAILED = {
  statusCode: 500,
  selectionPattern: String.raw`[\s\S]+`,
  template: '{"message": "Internal server error"}',
} as const;

/** Adds `processed_` to a name that does not start with it, and the time of the request. */
const greeting: TemplateRoute = {
  routeKey: "POST /hello",
  onProtectedStages: true,
  model: {
    $schema: "http://json-schema.org/draft-04/schema#",
    title: "HelloRequest",
    type: "object",
    properties: { name: { type: "string" } },
  },
  requestTemplate: `#set($name = $input.path('$.name'))
#if($name && $name != "")
#if($name.startsWith("processed_"))#set($processed = $name)#else#set($processed = "processed_$name")#end
{"name": ${text("$processed")}, "timestamp": "$context.requestTime"}
#else
{"timestamp": "$context.requestTime"}
#end`,
  responses: [
    FAILED,
    {
      statusCode: 200,
      template: `{"message": $input.json('$.greeting'), "time": $input.json('$.processed_at')}`,
    },
  ],
};

/** The list of items in another shape. Its function calls the app as the caller of the request. */
const items: TemplateRoute = {
  routeKey: "GET /hello/items",
  access: "read:items",
  onProtectedStages: true,
  requestTemplate: `#set($query = $input.params().querystring)
{"list": {
  "path": "/items",
  "httpMethod": "GET",
  "queryStringParameters": {#foreach($name in $query.keySet())${text("$name")}: ${text("$query.get($name)")}#if($foreach.hasNext), #end#end},
  "requestContext": {
    "requestId": "$context.requestId",
    "authorizer": {
      "userId": ${text("$context.authorizer.userId")},
      "role": ${text("$context.authorizer.role")},
      "scope": ${text("$context.authorizer.scope")}
    }
  }
}}`,
  responses: [
    FAILED,
    {
      statusCode: 200,
      template: `#if($input.path('$.status') == 200)
{"data": $input.json('$.body.items'),
 "metadata": {"count": $input.json('$.body.count'), "page": ${text("$input.path('$.page')")}},
 "links": {"self": ${text("$context.path")}}}
#else
#set($context.responseOverride.status = $input.path('$.status'))
#set($context.responseOverride.header.Content-Type = "application/problem+json")
$input.json('$.body')
#end`,
    },
  ],
};

const header = (name: string): string =>
  `#set($value = $input.params('${name}'))#if($value == "")#set($value = $input.params('${name.toLowerCase()}'))#end`;

/**
 * What API Gateway knows about a request. Of the credential only its scheme is shown. The path parameter
 * is percent-encoded, as REST APIs pass it on.
 */
const echo: TemplateRoute = {
  routeKey: "ANY /echo/{userId}",
  onProtectedStages: false,
  requestTemplate: `#set($query = $input.params().querystring)
{"echo": {
  "userId": ${text("$input.params().path.get('userId')")},
  "queryParams": {#foreach($name in $query.keySet())${text("$name")}: ${text("$query.get($name)")}#if($foreach.hasNext), #end#end},
  "headers": {
    ${header("Authorization")}"authorization": "#if($value.matches("[A-Za-z]+ .*"))$value.replaceAll(" .*", "")#end",
    ${header("Content-Type")}"contentType": ${text("$value")}
  },
  "body": $input.json('$')
}}`,
  responses: [FAILED, { statusCode: 200, template: "$input.json('$')" }],
};

/** All methods with mapping templates. */
export const templateRoutes: readonly TemplateRoute[] = [greeting, items, echo];
