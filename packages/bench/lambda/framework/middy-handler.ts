/** Middy with its router and the middlewares that such an API needs. */

import middyfy from "@middy/core";
import httpErrorHandler from "@middy/http-error-handler";
import httpJsonBodyParser from "@middy/http-json-body-parser";
import httpRouter from "@middy/http-router";
import type { APIGatewayProxyEventV2, APIGatewayProxyResultV2 } from "aws-lambda";
import { type Outcome, create, get, list } from "./operation.ts";

type Event = APIGatewayProxyEventV2;
type Result = APIGatewayProxyResultV2;

const respond = ({ status, body }: Outcome): Result => ({
  statusCode: status,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

export const handler = middyfy<Event, Result>()
  .use(httpErrorHandler({ logger: false }))
  .handler(
    httpRouter<Event, Result>([
      {
        method: "GET",
        path: "/items",
        handler: async ({ queryStringParameters: query }: Event) =>
          respond(await list(Number(query?.["limit"] ?? 20))),
      },
      {
        method: "GET",
        path: "/items/{id}",
        handler: async ({ pathParameters }: Event) =>
          respond(await get(pathParameters?.["id"] ?? "")),
      },
      {
        method: "POST",
        path: "/items",
        handler: middyfy<Event, Result>()
          .use(httpJsonBodyParser())
          .handler(async ({ body }) =>
            respond(await create(body as unknown as Record<string, unknown>)),
          ),
      },
    ]),
  );
