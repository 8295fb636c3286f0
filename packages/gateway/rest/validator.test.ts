import { expect, test } from "vitest";
import { echo, header, serveRest } from "../test/fixture.ts";
import type { ValidationConfig } from "./validator.ts";

const MODEL = {
  $schema: "http://json-schema.org/draft-04/schema#",
  type: "object",
  required: ["a"],
  additionalProperties: false,
  properties: {
    a: { type: "number", minimum: 0, exclusiveMinimum: true },
    n: { oneOf: [{ type: "null" }, { type: "string" }] },
  },
};

async function open(config: ValidationConfig) {
  let invocations = 0;
  const { send } = await serveRest({
    routes: [
      {
        routeKey: "POST /{id}",
        handler: () => ({ statusCode: 200, body: `${++invocations}` }),
        ...config,
      },
    ],
  });
  return async (body: string, type: string | undefined = "application/json", target = "/dev/1") => {
    const response = await send({
      method: "POST",
      target,
      headers: type === "" ? [] : [["Content-Type", type]],
      body: Buffer.from(body),
    });
    return {
      ...response,
      text: response.body.toString(),
      type: header(response, "x-amzn-errortype"),
    };
  };
}

const INVALID = '{"message": "Invalid request body"}';
test.each([
  ['{"a":1}', "application/json", 200],
  ['{"a":1,"n":null}', "application/json; charset=utf-8", 200],
  ['{"a":0}', "application/json", 400],
  ['{"a":1,"x":1}', "application/json", 400],
  ["{", "application/json", 400],
  ["", "application/json", 400], // validated as {}
  ["{}", "", 400], // no content type means JSON
  ["{}", "text/plain", 200], // no model for this type
])("the body %s of type %s is answered %i", async (body, type, status) => {
  const post = await open({ validate: ["body"], requestModels: { "application/json": MODEL } });
  const response = await post(body, type);
  expect(response.status).toBe(status);
  if (status === 400)
    expect([response.text, response.type]).toEqual([INVALID, "BadRequestException"]);
});

test("a blank parameter is missing; parameters come before the body", async () => {
  const post = await open({
    validate: ["params", "body"],
    requestModels: { "application/json": MODEL },
    requestParameters: {
      "method.request.querystring.q": true,
      "method.request.path.id": true,
      "method.request.header.X-Optional": false,
    },
  });
  expect((await post("{", undefined, "/dev/1?q=")).text).toBe(
    '{"message": "Missing required request parameters: [q]"}',
  );
  expect((await post("{", undefined, "/dev/1?q=1")).text).toBe(INVALID);
});

test("nothing is validated unless the route says so", async () => {
  const post = await open({
    requestModels: { "application/json": MODEL },
    requestParameters: { "method.request.querystring.q": true },
  });
  expect((await post("{")).status).toBe(200);
});

test("two routes may have models with one id", async () => {
  const model = (type: string) => ({ id: "http://example.com/model", type });
  const route = (path: string, type: string) => ({
    routeKey: `POST ${path}`,
    handler: echo,
    requestModels: { "application/json": model(type) },
    validate: ["body" as const],
  });
  const { send } = await serveRest({ routes: [route("/a", "object"), route("/b", "array")] });
  const statusOf = async (target: string, body: string) =>
    (await send({ method: "POST", target: `/dev${target}`, body: Buffer.from(body) })).status;
  expect([await statusOf("/a", "{}"), await statusOf("/a", "[]")]).toEqual([200, 400]);
  expect([await statusOf("/b", "{}"), await statusOf("/b", "[]")]).toEqual([400, 200]);
});
