/** Express behind the usual adapter. */

import { configure } from "@codegenie/serverless-express";
import type { Context } from "aws-lambda";
import express, { type Response } from "express";
import { type Outcome, create, get, list } from "./operation.ts";

const app = express();
app.use(express.json());
const send = (res: Response, { status, body }: Outcome) => void res.status(status).json(body);

app.get("/items", async (req, res) => send(res, await list(Number(req.query["limit"] ?? 20))));
app.get("/items/:id", async (req, res) => send(res, await get(req.params.id)));
app.post("/items", async (req, res) =>
  send(res, await create(req.body as Record<string, unknown>)),
);

const invoke = configure({ app });

export const handler = (event: unknown, context: Context): Promise<unknown> =>
  Promise.resolve(invoke(event, context, () => undefined));
