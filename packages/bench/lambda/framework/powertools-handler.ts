/** The event handler of AWS's own Powertools for Lambda. */

import { Router } from "@aws-lambda-powertools/event-handler/http";
import type { Context } from "aws-lambda";
import { type Outcome, create, get, list } from "./operation.ts";

const app = new Router();

const respond = ({ status, body }: Outcome) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json" },
  });

app.get("/items", async ({ req }) => {
  const { searchParams } = new URL(req.url);
  return respond(await list(Number(searchParams.get("limit") ?? 20)));
});
app.get("/items/:id", async ({ params }) => respond(await get(params["id"] ?? "")));
app.post("/items", async ({ req }) =>
  respond(await create((await req.json()) as Record<string, unknown>)),
);

export const handler = (event: unknown, context: Context): Promise<unknown> =>
  app.resolve(event, context);
