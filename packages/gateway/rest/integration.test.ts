import { expect, test } from "vitest";
import { header, serveRest } from "../test/fixture.ts";
import type { IntegrationConfig } from "./integration.ts";
import type { RestRouteConfig } from "./config.ts";
import { escapeJavaScript, parseTemplate } from "./template.ts";

/** An integration whose function answers `result(event)`. */
async function open(
  integration: Omit<IntegrationConfig, "type"> & { type?: "AWS" | "MOCK" },
  result: (event: unknown) => unknown = (event) => event,
  more: Partial<RestRouteConfig> = {},
) {
  const events: unknown[] = [];
  const { send, problems } = await serveRest({
    stageVariables: { alias: "live" },
    routes: [
      {
        routeKey: "ANY /t/{id}",
        handler: (event: unknown) => {
          events.push(event);
          return result(event);
        },
        integration: { type: "AWS", ...integration },
        ...more,
      },
    ],
  });
  const post = async (body: string, type = "application/json", target = "/dev/t/1") => {
    const headers = [["Content-Type", type]] as const;
    const response = await send({ method: "POST", target, headers, body: Buffer.from(body) });
    return { ...response, text: response.body.toString() };
  };
  return { events, problems, post };
}

const rendered = async (template: string, body = "{}", target = "/dev/t/1") => {
  const { post } = await open({ responses: [{ statusCode: 200, responseTemplate: template }] });
  const { text } = await post(body, "application/json", target);
  return text;
};

test("the templates of a greeting: the name gets a prefix once, and a time", async () => {
  const { post, events } = await open(
    {
      requestTemplates: {
        "application/json": `#set($name = $input.path('$.name'))
#if($name.startsWith("processed_"))#set($processed = $name)#else#set($processed = "processed_$name")#end
{"name": "$util.escapeJavaScript($processed).replaceAll("\\\\'", "'")", "timestamp": "$context.requestTime"}`,
      },
      responses: [
        {
          statusCode: 200,
          responseTemplate: `{"message": $input.json('$.greeting'), "time": $input.json('$.processed_at')}`,
        },
      ],
    },
    (event) => {
      const { name, timestamp } = event as { name: string; timestamp: string };
      return { greeting: `Hello, ${name}!`, processed_at: timestamp };
    },
  );
  const time = expect.stringMatching(/^\d{2}\/[A-Z][a-z]{2}\/\d{4}:/);
  for (const name of ["Ana", "processed_Ana"]) {
    const { text } = await post(JSON.stringify({ name }));
    expect(JSON.parse(text)).toEqual({ message: "Hello, processed_Ana!", time });
  }
  await post(JSON.stringify({ name: 'O\'Neil "x" \\ </a>' }));
  expect(events.at(-1)).toEqual({ name: 'processed_O\'Neil "x" \\ </a>', timestamp: time });
});

test.each([
  ["$input.path('$')", '{"foo":"bar","n":[1,"x"]}', '{foo=bar, n=[1,"x"]}'],
  ["$input.path('$')", '{"__proto__":{"x":1},"a":2}', "{__proto__={x=1}, a=2}"],
  ["$input.path('$.n')", '{"n":[1,{"a":"x"}]}', '[1,{"a":"x"}]'],
  ["$input.json('$.n')", '{"n":[1,{"a":"x"}]}', '[1,{"a":"x"}]'],
  ["$input.json('$.none')|$input.path('$.none')", "{}", '""|'],
  ["$input.body", '{"a":1}', '{"a":1}'],
  ["$input.params('id')$input.params('q')$input.params('none')", "{}", "12"],
  ["$input.params().querystring.get('q')", "{}", "2"],
  ["$input.path('$').get('__proto__')|$input.path('$').get('a')", '{"__proto__":1,"a":2}', "1|2"],
  ["#foreach($k in $input.params().path.keySet())$k#end", "{}", "id"],
  [
    "#foreach($e in $input.path('$'))$e.id#if($foreach.hasNext),#end#end",
    '[{"id":1},{"id":2}]',
    "1,2",
  ],
  ["$input.path('$').size()", "[1,2,3]", "3"],
  ["#if($input.path('$.x') == '')none#{else}some#end", "{}", "none"],
  [
    "$input.path('$.m').containsKey('a') $input.path('$.l').contains(2)",
    '{"m":{"a":1},"l":[2]}',
    "true true",
  ],
  ["$stageVariables.alias|$stageVariables.none|$context.none", "{}", "live||"],
  ["$context.stage $context.httpMethod $context.resourcePath", "{}", "dev POST /t/{id}"],
  ["$context.identity.sourceIp", "{}", "127.0.0.1"],
  ["$util.urlEncode('a b&ä')|$util.urlDecode('a+b%26')", "{}", "a+b%26%C3%A4|a b&"],
  ["$util.base64Encode('ä')|$util.base64Decode('w6Q=')", "{}", "w6Q=|ä"],
  ["$util.parseJson($input.path('$.s')).a", '{"s":"{\\"a\\":7}"}', "7"],
  [
    "$input.path('$.toString')|$input.path('$.__proto__')",
    '{"toString":1,"__proto__":{"x":1}}',
    "1|{x=1}",
  ],
])("%s", async (template, body, expected) => {
  expect(await rendered(template, body, "/dev/t/1?q=2")).toBe(expected);
});

test("escapeJavaScript escapes as Apache Commons does", () => {
  expect(escapeJavaScript("a'b\"c\\d/e\nf\u0001ä😀")).toBe(
    "a\\'b\\\"c\\\\d\\/e\\nf\\u0001\\u00E4\\uD83D\\uDE00",
  );
});

test.each([
  ["text/plain", "WHEN_NO_MATCH", 200],
  ["text/plain", "WHEN_NO_TEMPLATES", 415],
  ["text/plain", "NEVER", 415],
  ["application/json; charset=utf-8", "NEVER", 200],
] as const)("a body of %s with %s is answered %i", async (type, passthroughBehavior, status) => {
  const { post } = await open({
    passthroughBehavior,
    requestTemplates: { "application/json": "{}" },
    responses: [{ statusCode: 200 }],
  });
  const response = await post("{}", type);
  expect(response.status).toBe(status);
  if (status === 415) expect(response.text).toBe('{"message":"Unsupported Media Type"}');
});

test("the pattern that matches the whole error message selects the response", async () => {
  const { post } = await open(
    {
      responses: [
        {
          statusCode: 404,
          selectionPattern: "not found.*",
          responseTemplate: "$input.path('$.errorMessage')",
        },
        { statusCode: 200 },
      ],
    },
    (event) => {
      const { fail } = event as { fail?: string };
      if (fail !== undefined) throw new Error(fail);
      return { ok: true };
    },
  );
  expect(await post('{"fail":"not found: 7"}')).toMatchObject({
    status: 404,
    text: "not found: 7",
  });
  expect((await post('{"fail":"is not found"}')).status).toBe(200);
  expect(await post("{}")).toMatchObject({ status: 200, text: '{"ok":true}' });
});

test("headers are static or from the body; a template can override them and the status", async () => {
  const { post } = await open({
    responses: [
      {
        statusCode: 200,
        responseParameters: {
          "method.response.header.X-Static": "'a'",
          "method.response.header.X-Body": "integration.response.body.a.b",
          "method.response.header.X-None": "integration.response.body.none",
        },
        responseTemplate:
          '#set($context.responseOverride.status = 201)#set($context.responseOverride.header.X-Static = "b")ok',
      },
    ],
  });
  const response = await post('{"a":{"b":7}}');
  expect(response).toMatchObject({ status: 201, text: "ok" });
  const values = ["x-static", "x-body", "x-none"].map((name) => header(response, name));
  expect(values).toEqual(["b", "7", undefined]);
});

test.each(["100", "600", "x"])("a template cannot override the status with %s", async (status) => {
  const responseTemplate = `#set($context.responseOverride.status = "${status}")ok`;
  const { post } = await open({ responses: [{ statusCode: 202, responseTemplate }] });
  expect(await post("{}")).toMatchObject({ status: 202, text: "ok" });
});

test("a mock answers with the status that its template gives", async () => {
  const { post, events } = await open({
    type: "MOCK",
    requestTemplates: { "application/json": '{"statusCode": $input.params("s")}' },
    responses: [
      { statusCode: 404, selectionPattern: "4\\d{2}", responseTemplate: '{"no":1}' },
      { statusCode: 200, responseTemplate: '{"ok":1}' },
    ],
  });
  expect(await post("{}", undefined, "/dev/t/1?s=404")).toMatchObject({
    status: 404,
    text: '{"no":1}',
  });
  expect(await post("{}", undefined, "/dev/t/1?s=200")).toMatchObject({
    status: 200,
    text: '{"ok":1}',
  });
  expect((await post("{}", undefined, '/dev/t/1?s="x"')).status).toBe(500);
  expect(events).toEqual([]);
});

test.each([
  ["a body", undefined, 6 * 1024 * 1024 + 1, 413],
  [
    "a payload that the template enlarges",
    { "application/json": "[$input.body,$input.body]" },
    4e6,
    413,
  ],
  ["a payload that the template reduces", { "application/json": "{}" }, 7e6, 200],
])("%s above Lambda's 6 MB", async (_, requestTemplates, size, status) => {
  const { post, events, problems } = await open({
    ...(requestTemplates && { requestTemplates }),
    responses: [{ statusCode: 200, responseTemplate: "{}" }],
  });
  const response = await post(`"${"x".repeat(size - 2)}"`);
  expect(response.status).toBe(status);
  if (status === 413) expect(response.text).toBe('{"message":"Request Too Long"}');
  expect([events.length, problems]).toEqual([status === 413 ? 0 : 1, []]);
});

test.each([
  ["a payload that is no JSON", { requestTemplates: { "application/json": "{" } }, 500],
  ["no response that matches", { responses: [{ statusCode: 200, selectionPattern: "x" }] }, 500],
])("%s is an error of the API", async (_, config, status) => {
  const { post, problems } = await open({ responses: [{ statusCode: 200 }], ...config });
  expect(await post("{}")).toMatchObject({ status, text: '{"message": "Internal server error"}' });
  expect(problems).toHaveLength(1);
});

test.each([
  ["#if($a)\n  b", "t: line 1, column 1: #if has no #end"],
  ["a\n  #foreach($x in $y)#end #if(1)", "t: line 2, column 26: #if has no #end"],
  ["a\n#set($x = )", "t: line 2, after column 9"],
  ["## #if(\n#if($a)b#end", undefined],
])("the template %j is checked at the start", (template, message) => {
  const parse = () => parseTemplate("t", template);
  if (message === undefined) expect(parse).not.toThrow();
  else expect(parse).toThrow(message);
});
