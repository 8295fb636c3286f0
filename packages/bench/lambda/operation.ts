import { attributes } from "../seed.ts";

/** An invocation: the event, and the status of a correct result. */
export interface Operation {
  name: string;
  event: string; // JSON
  status: number;
}

/** The operations of sections cold and warm. `id` is the id of an existing item. */
export const operations = (id: string): Operation[] => [
  { name: "item by id", status: 200, event: event("GET", "/items/{id}", { id }) },
  { name: "list of 25", status: 200, event: event("GET", "/items", { query: { limit: "25" } }) },
  { name: "create", status: 201, event: event("POST", "/items", { body: attributes(0) }) },
  {
    name: "invalid create",
    status: 400,
    event: event("POST", "/items", { body: { id: "my-id", price: "cheap" } }),
  },
  { name: "unknown path", status: 404, event: event("GET", "/nothing", {}) },
];

/** The context of the invocations: what the adapters of the comparison read of it. */
export const CONTEXT: object = {
  awsRequestId: "9d1fb7a0-6b8e-4ad5-b1a5-9f8f6f6ef0c7",
  callbackWaitsForEmptyEventLoop: false,
  functionName: "http",
  invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:http",
  memoryLimitInMB: "1024",
  getRemainingTimeInMillis: () => 30_000,
};

interface Parts {
  id?: string;
  query?: Record<string, string>;
  body?: object;
}

/** An event of an HTTP API with payload format 2.0, after its JWT authorizer. */
function event(method: string, route: string, { id, query, body }: Parts): string {
  const rawPath = route.replace("{id}", id ?? "");
  const text = body && JSON.stringify(body);
  const scope = "read:items write:items";
  return JSON.stringify({
    version: "2.0",
    routeKey: `${method} ${route}`,
    rawPath,
    rawQueryString: new URLSearchParams(query).toString(),
    headers: {
      accept: "application/json",
      "accept-encoding": "gzip, br",
      authorization: `Bearer ${"x".repeat(700)}`,
      "content-length": String(text?.length ?? 0),
      ...(text !== undefined && { "content-type": "application/json" }),
      host: "abcde12345.execute-api.us-east-1.amazonaws.com",
      "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
      "x-amzn-trace-id": "Root=1-68f0c0de-0123456789abcdef01234567",
      "x-forwarded-for": "203.0.113.7",
      "x-forwarded-port": "443",
      "x-forwarded-proto": "https",
    },
    ...(query && { queryStringParameters: query }),
    ...(id !== undefined && { pathParameters: { id } }),
    requestContext: {
      accountId: "123456789012",
      apiId: "abcde12345",
      authorizer: {
        jwt: {
          claims: {
            aud: "stockwire",
            client_id: "stockwire-laptop",
            exp: "4102444800",
            iat: "1760000000",
            iss: "https://issuer.example.com",
            jti: "9d1fb7a0-6b8e-4ad5-b1a5-9f8f6f6ef0c7",
            scope,
            sub: "ana",
            token_use: "access",
          },
          scopes: scope.split(" "),
        },
      },
      domainName: "abcde12345.execute-api.us-east-1.amazonaws.com",
      domainPrefix: "abcde12345",
      http: {
        method,
        path: rawPath,
        protocol: "HTTP/1.1",
        sourceIp: "203.0.113.7",
        userAgent: "-",
      },
      requestId: "JKJaXmPLvHcESHA=",
      routeKey: `${method} ${route}`,
      stage: "$default",
      time: "14/Apr/2026:22:13:56 +0000",
      timeEpoch: 1776204836000,
    },
    ...(text !== undefined && { body: text }),
    isBase64Encoded: false,
  });
}
