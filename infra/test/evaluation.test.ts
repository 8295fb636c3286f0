/** Evaluations besides the three stages: a fresh account, a second deploy, and refused stages. */

import { describe, expect, test } from "vitest";
import { rules } from "./rule.ts";
import { all, evaluated, one, stack } from "./stack.ts";

describe("the stage prod in a fresh account, with a domain and without origins", () => {
  const prod = evaluated.fresh;

  test.each(Object.entries(rules))("%s finds nothing", (_, rule) => {
    expect(rule(prod)).toEqual([]);
  });

  test("is protected", () => {
    for (const { inputs, retainOnDelete } of all(prod, "dynamodb/table")) {
      expect(inputs["deletionProtectionEnabled"]).toBe(true);
      expect(retainOnDelete).toBe(true);
    }
    const { variables } = one(prod, "lambda/function", "HttpHandlerFunction").inputs["environment"];
    expect(variables).toMatchObject({ LOG_LEVEL: "info", ALLOWED_ORIGINS: "" });
  });

  test("allows no origin, and its console signs in on the API's own domain", () => {
    expect(one(prod, "apigatewayv2/api", "ApiApi").inputs["corsConfiguration"] ?? {}).toEqual({});
    const { callbackUrls } = one(prod, "cognito/userPoolClient", "BrowserClient").inputs;
    expect(callbackUrls).toEqual([
      "https://api.shop.example/callback",
      "https://api.shop.example/console",
    ]);
  });

  // An HTTP API needs no such role.
  test("API Gateway gets a role for its logs before the stage of the WebSocket API", () => {
    const accounts = all(prod, "apigateway/account");
    expect(accounts.length).toBeGreaterThan(0);
    for (const { inputs, retainOnDelete } of accounts) {
      expect(inputs["cloudwatchRoleArn"]).toMatch(/APIGatewayPushToCloudWatchLogsRole/);
      expect(retainOnDelete).toBe(true); // it belongs to the account and not to the stage
    }
    expect(all(stack("dev"), "apigateway/account")).toEqual([]);
    const { dependsOn = [] } = one(prod, "apigatewayv2/stage", "LiveStage");
    expect(accounts.some(({ id }) => dependsOn.includes(id))).toBe(true);
  });
});

test("a second deploy from another commit changes only the commit, and replaces nothing", () => {
  const texts = ({ resources }: ReturnType<typeof stack>) =>
    new Map(resources.map(({ id, ...resource }) => [id, JSON.stringify(resource)]));
  const first = texts(stack("dev"));
  const second = texts(evaluated.second);
  expect([...second.keys()]).toEqual([...first.keys()]);
  const changed = [...second].filter(([id, text]) => text !== first.get(id));
  expect(changed.map(([id]) => id.split("::").at(-1))).toEqual(["HttpHandlerFunction"]);
  for (const [id, text] of changed) {
    expect(text.replace('"COMMIT":"abc1234"', '"COMMIT":"unknown"')).toBe(first.get(id));
  }
});

test("names with random letters are kept by the next deploy", () => {
  const { name: ofApi } = one(stack("production"), "apigatewayv2/api", "ApiApi").inputs;
  const letters = String(ofApi).slice(-9); // `-` and eight letters, the same for all under test
  const random = stack("production").resources.flatMap(({ name, inputs, ignoreChanges, read }) =>
    Object.entries(inputs).flatMap(([input, value]) =>
      !read && ["name", "bucket", "domain"].includes(input) && String(value).endsWith(letters)
        ? [{ name, input, isKept: ignoreChanges?.includes(input) ?? false }]
        : [],
    ),
  );
  expect(random.map(({ name }) => name)).toContain("DataTable");
  // Their bucket is another resource's name, not one of their own.
  const own = random.filter(({ name }) => !/^FailedBatches(?!Bucket)/.test(name));
  expect(own.filter(({ isKept }) => !isKept)).toEqual([]);
});

test("with STOCKWIRE_HOLD a deploy leaves the aliases where they are", () => {
  const ignoredBy = (evaluation: ReturnType<typeof stack>) =>
    all(evaluation, "lambda/alias").map(({ ignoreChanges }) => ignoreChanges);
  expect(ignoredBy(evaluated.fresh)).toEqual(
    Array.from({ length: 8 }, () => ["functionVersion", "routingConfig"]),
  );
  expect(ignoredBy(stack("dev"))).toEqual(Array.from({ length: 6 }, () => []));
});

test("under sst dev, too, references exist, calls are allowed, and the Partner API is closed", () => {
  const { referenceFaults, metricFaults, permissionFaults, inputFaults } = rules;
  const { partnerFaults, deploymentFaults, cacheFaults } = rules;
  for (const rule of [
    referenceFaults,
    metricFaults,
    permissionFaults,
    inputFaults,
    partnerFaults,
    deploymentFaults,
    cacheFaults,
  ]) {
    expect(rule(evaluated.underSstDev)).toEqual([]);
  }
});

test.each([
  ["Ana", /The stage "Ana" is refused: a name has up to 30 small letters, digits and/],
  ["aws-test", /The stage "aws-test" is refused: Cognito allows no domain with "aws"/],
  ["prod", /Set STOCKWIRE_ALARM_EMAIL to an address, or to `none`: the alarms of the stage "prod"/],
])("sst refuses the stage %s with a clear line", (stage, line) => {
  const printed = evaluated.refusals[stage] ?? "";
  expect(printed.split("\n").filter((each) => line.test(each)).length).toBeGreaterThan(0);
});
