/** Without a framework, as many projects have it: a switch on method and path. */

import { type Outcome, create, get, list } from "./operation.ts";

interface Event {
  rawPath: string;
  body?: string;
  queryStringParameters?: Record<string, string>;
  pathParameters?: Record<string, string>;
  requestContext: { http: { method: string } };
}

const respond = ({ status, body }: Outcome) => ({
  statusCode: status,
  headers: { "Content-Type": "application/json", "Access-Control-Allow-Origin": "*" },
  body: JSON.stringify(body),
});

export const handler = async (event: Event) => {
  const { method } = event.requestContext.http;
  const id = event.pathParameters?.["id"] ?? "";
  const path = id === "" ? event.rawPath : event.rawPath.replace(id, "{id}");
  try {
    switch (`${method} ${path}`) {
      case "GET /items":
        return respond(await list(Number(event.queryStringParameters?.["limit"] ?? 20)));
      case "GET /items/{id}":
        return respond(await get(id));
      case "POST /items":
        return respond(await create(JSON.parse(event.body ?? "{}") as Record<string, unknown>));
      default:
        return respond({ status: 404, body: { error: "Not found" } });
    }
  } catch (error) {
    console.error(error);
    return respond({ status: 500, body: { error: "Internal server error" } });
  }
};
