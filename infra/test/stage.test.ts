/** Settings per stage, and the list of a stage's resources, which is kept in resources/. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { isProtected, settingsOf } from "../stage.ts";
import type { Resource } from "./evaluate.ts";
import { root } from "./platform.ts";
import { all, evaluated, one, stack, stages } from "./stack.ts";

describe("settings", () => {
  test("a stage without an entry is small, unprotected and free of charge while idle", () => {
    expect(settingsOf("anas-laptop", {})).toEqual(settingsOf("dev", {}));
    const given = { STOCKWIRE_ACCOUNT: "{}", STOCKWIRE_DOMAIN: "shop.example" };
    expect(settingsOf("dev", given)).toEqual(settingsOf("dev", {}));
    expect(settingsOf("constructor", {})).toEqual(settingsOf("dev", {}));
    expect(settingsOf("dev", {})).toMatchObject({
      isProtected: false,
      provisionedConcurrency: 0,
      tracing: false,
      routeMetrics: false,
    });
  });

  test.each(["production", "prod", "prd", "prod-eu", "eu-production", "prod2"])(
    "the stage %s is protected and gets production's size",
    (name) => {
      const set = { STOCKWIRE_ALARM_EMAIL: "ops@shop.example" };
      expect(settingsOf(name, set)).toEqual(settingsOf("production", set));
      expect(settingsOf(name, set)).toMatchObject({
        isProtected: true,
        logLevel: "info",
        origins: [],
        alarmEmail: "ops@shop.example",
      });
      expect(() => settingsOf(name, {})).toThrow(/^Set STOCKWIRE_ALARM_EMAIL .*no person$/);
      expect(settingsOf(name, { STOCKWIRE_ALARM_EMAIL: "none" }).alarmEmail).toBe(undefined);
    },
  );

  test("a refused spelling of production is protected as well", () => {
    expect(["Production", "PROD", "prod_eu", "prod"].map(isProtected)).toEqual(
      Array.from({ length: 4 }, () => true),
    );
    expect(["dev", "staging", "Ana"].map(isProtected)).toEqual([false, false, false]);
  });

  test.each(["reproduction", "products", "preprod", "ana-produce"])(
    "%s is not production",
    (name) => expect(settingsOf(name, {})).toEqual(settingsOf("dev", {})),
  );

  const odd = ["Production", "PROD", "Ana", "prod_eu", "1st", "-a", "a-", "a--b", "a.b", "", "a b"];
  test.each(odd.concat("é", "a".repeat(31), "aws-test", "my-amazon", "cognito", "lawsuit"))(
    "the stage name %j is refused with one line",
    (name) => {
      const set = { STOCKWIRE_ALARM_EMAIL: "ops@shop.example" };
      expect(() => settingsOf(name, set)).toThrow(/^The stage ".*" is refused: .+$/);
    },
  );

  test("no stage allows all origins, and a protected one allows only those that are set", () => {
    expect(settingsOf("production", { STOCKWIRE_ALARM_EMAIL: "none" }).origins).toEqual([]);
    for (const origins of ["*", "https://a.example,*", "ftp://a.example"]) {
      expect(() => settingsOf("dev", { STOCKWIRE_ORIGINS: origins })).toThrow("STOCKWIRE_ORIGINS");
    }
  });

  test("an origin is accepted only as browsers send it; the error is one line", () => {
    for (const origins of [
      "https://shop.example",
      "http://localhost:3000,https://b.example:8443",
    ]) {
      const { origins: found } = settingsOf("dev", { STOCKWIRE_ORIGINS: origins });
      expect(found.join(",")).toBe(origins);
    }
    for (const origins of [
      "https://shop.example/",
      "https://shop.example/app",
      "https://Shop.example",
      "https://shop.example:443",
      "https://me@shop.example",
      "https://b.example,https://shop.example?x",
    ]) {
      expect(() => settingsOf("dev", { STOCKWIRE_ORIGINS: origins })).toThrow(
        /^STOCKWIRE_ORIGINS: .* write it as https:\/\/shop\.example$/,
      );
    }
    expect(() => settingsOf("dev", { STOCKWIRE_ALARM_EMAIL: "me" })).toThrow(
      /^STOCKWIRE_ALARM_EMAIL: .+$/,
    );
  });

  test("an issuer without an audience is refused", () => {
    expect(() => settingsOf("dev", { STOCKWIRE_ISSUER: "https://a.example" })).toThrow(
      "or neither",
    );
  });
});

test("sst.config.ts and infra/ type-check against SST's own sources", async () => {
  const tsc = join(root, "node_modules/.bin/tsc");
  const { stdout } = await promisify(execFile)(tsc, ["-p", "infra"], { cwd: root }).catch(
    (error: unknown) => error as { stdout: string },
  );
  expect(stdout).toBe("");
}, 120_000);

test("under sst dev the functions are stubs, and all other resources are the same", () => {
  const live = evaluated.underSstDev;
  const stubs = all(live, "lambda/function").map(({ inputs }) => inputs["description"]);
  // `dev` has no Partner API.
  expect(stubs).toHaveLength(all(stack("dev"), "lambda/function").length + 2);
  for (const description of stubs) expect(description).toMatch(/ \(live\)$/);
  for (const kind of ["dynamodb/table", "apigatewayv2/route", "sqs/queue"]) {
    expect(all(live, kind)).toHaveLength(all(stack("dev"), kind).length);
  }
});

describe.each(stages)("%s", (stage) => {
  test("has its URLs as outputs", () => {
    const url = expect.stringMatching(/^https:/);
    expect(stack(stage).outputs).toMatchObject({
      apiUrl: url,
      liveUrl: expect.stringMatching(/^wss:/),
      docsUrl: expect.stringMatching(/^https:.*\/docs$/),
      issuer: url,
    });
  });

  test("has the places to look at as outputs, and they exist", () => {
    const { outputs } = stack(stage);
    const { dashboardName } = one(stack(stage), "cloudwatch/dashboard", "Dashboard").inputs;
    expect(outputs["dashboardUrl"]).toBe(
      `https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/${dashboardName}`,
    );
    const groups = all(stack(stage), "lambda/function").map(
      ({ inputs }) => inputs["loggingConfig"].logGroup as string,
    );
    expect(outputs["logs"]?.split(" ").toSorted()).toEqual(groups.toSorted());
    const urlOf = (queue: string) =>
      `https://sqs.us-east-1.amazonaws.com/123456789012/${one(stack(stage), "sqs/queue", queue).inputs["name"]}`;
    expect(outputs).toMatchObject({
      streamDeadLetters: urlOf("StreamDeadLettersQueue"),
      deliveryDeadLetters: urlOf("DeliveryDeadLettersQueue"),
    });
  });

  test("consists of the resources listed in resources/, in us-east-1", async () => {
    const lines = stack(stage)
      .resources.filter(({ type, read }) => !read && /^(?:aws|random):/.test(type))
      .map(lineOf)
      .toSorted();
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(`resources/${stage}.txt`);
    const { config } = stack(stage);
    expect(config["aws:region"]).toBe("us-east-1");
    expect(JSON.parse(config["aws:defaultTags"] ?? "{}")).toMatchObject({
      tags: { app: "stockwire", stage },
    });
  });
});

/** A resource as one line for a reviewer: type, name, and settings for cost, access and retention. */
function lineOf({ type, name, inputs, retainOnDelete }: Resource): string {
  const kind = type.replace(/^aws:/, "").replace(/:.*$/, "");
  const settings = [
    inputs["routeKey"],
    inputs["pathPart"],
    inputs["authorization"] === "CUSTOM" ? "token" : undefined,
    inputs["apiKeyRequired"] && "key",
    inputs["authorization"] === "NONE" ? "open" : undefined,
    inputs["responseTransferMode"],
    inputs["methodPath"],
    inputs["settings"]?.cachingEnabled && "cached",
    inputs["cacheClusterSize"] && `cache of ${inputs["cacheClusterSize"]} GB`,
    inputs["quotaSettings"] && `${inputs["quotaSettings"].limit} a month`,
    inputs["authorizationScopes"]?.filter((scope: string) => !scope.includes("/")).join(" or "),
    inputs["authorizationType"] === "NONE" ? "open" : undefined,
    inputs["memorySize"] && `${inputs["memorySize"]} MB, ${inputs["timeout"]} s`,
    inputs["billingMode"],
    inputs["retentionInDays"] && `${inputs["retentionInDays"]} days`,
    inputs["threshold"] !== undefined && `> ${inputs["threshold"]}`,
    inputs["scheduleExpression"],
    inputs["provisionedConcurrentExecutions"],
    inputs["domainName"],
    inputs["allowedOauthFlows"]?.join(" "),
    retainOnDelete ? "retained" : undefined,
  ];
  const words = settings.filter((word) => word !== undefined && word !== false && word !== "");
  return [kind, name, ...(words.length > 0 ? [`(${words.join("; ")})`] : [])].join(" ");
}
