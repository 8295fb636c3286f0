/** Events as API Gateway makes them, for driving the handler directly. */

export interface Call {
  method: string;
  path: string; // with its query, as it is sent
  headers?: Record<string, string> | undefined;
  body?: string | undefined;
  /** What the gateway's authorizer has verified. */
  claims?: Record<string, unknown> | undefined;
}

const split = (path: string): [path: string, query: string] => {
  const at = path.indexOf("?");
  return at < 0 ? [path, ""] : [path.slice(0, at), path.slice(at + 1)];
};

const pairs = (query: string) => [...new URLSearchParams(query)];

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
export function event2({ method, path, headers = {}, body, claims }: Call) {
  const [rawPath, rawQueryString] = split(path);
  const decoded = decodeURIComponent(rawPath); // as the gateway does
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: decoded,
    rawQueryString,
    headers: { host: "api.example.com", ...Object.fromEntries(lower) } as Record<string, string>,
    requestContext: {
      accountId: "123456789012",
      apiId: "r3pmxmplak",
      domainName: "r3pmxmplak.execute-api.us-east-2.amazonaws.com",
      domainPrefix: "r3pmxmplak",
      http: {
        method,
        path: decoded,
        protocol: "HTTP/1.1",
        sourceIp: "205.255.255.176",
        userAgent: "test",
      },
      requestId: "JKJaXmPLvHcESHA=",
      routeKey: "$default",
      stage: "$default",
      time: "10/Mar/2026:05:16:23 +0000",
      timeEpoch: 1583817383220,
      ...(claims && { authorizer: { jwt: { claims, scopes: null } } }),
    },
    isBase64Encoded: false,
    ...(body !== undefined && { body }),
  };
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html */
export function event1({ method, path, headers = {}, body, claims }: Call) {
  const [rawPath, query] = split(path);
  const many = Object.create(null) as Record<string, string[]>; // holds any name, __proto__ too
  for (const [name, value] of pairs(query)) (many[name] ??= []).push(value);
  const single = Object.entries(many).map(([name, values]) => [name, values.at(-1)]);
  const all = { Host: "api.example.com", ...headers };
  return {
    resource: "/{proxy+}",
    path: rawPath,
    httpMethod: method,
    headers: all,
    multiValueHeaders: Object.fromEntries(
      Object.entries(all).map(([name, value]) => [name, [value]]),
    ),
    queryStringParameters: query === "" ? null : Object.fromEntries(single),
    multiValueQueryStringParameters: query === "" ? null : many,
    pathParameters: { proxy: rawPath.slice(1) },
    stageVariables: null,
    requestContext: {
      accountId: "123456789012",
      apiId: "wt6mne2s9k",
      httpMethod: method,
      path: rawPath, // of a custom domain; elsewhere it starts with the stage
      protocol: "HTTP/1.1",
      requestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
      resourcePath: "/{proxy+}",
      stage: "prod",
      identity: { sourceIp: "192.0.2.1", userAgent: "test" },
      ...(claims && {
        authorizer: {
          principalId: claims["sub"],
          userId: claims["sub"],
          role: /(?:^|[ /])admin(?: |$)/.test(String(claims["scope"])) ? "admin" : "partner",
          scope: claims["scope"],
          integrationLatency: 7,
        },
      }),
    },
    body: body ?? null,
    isBase64Encoded: false,
  };
}
