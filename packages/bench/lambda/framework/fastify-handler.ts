/** Fastify behind its adapter for Lambda. */

import awsLambdaFastify from "@fastify/aws-lambda";
import type { Context } from "aws-lambda";
import fastify, { type FastifyReply } from "fastify";
import { type Outcome, create, get, list } from "./operation.ts";

const app = fastify();
const send = (reply: FastifyReply, { status, body }: Outcome) => reply.code(status).send(body);

app.get<{ Querystring: { limit?: string } }>("/items", async ({ query }, reply) =>
  send(reply, await list(Number(query.limit ?? 20))),
);
app.get<{ Params: { id: string } }>("/items/:id", async ({ params }, reply) =>
  send(reply, await get(params.id)),
);
app.post<{ Body: Record<string, unknown> }>("/items", async ({ body }, reply) =>
  send(reply, await create(body)),
);

const invoke = awsLambdaFastify(app);

export const handler = (event: unknown, context: Context): Promise<unknown> =>
  invoke(event, context);
