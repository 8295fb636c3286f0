import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, inject, test } from "vitest";
import { settingsOf } from "../stage.ts";
import type { Resource } from "./evaluate.ts";
import { root } from "./platform.ts";
import { all, stack, stages } from "./stack.ts";

describe("settings", () => {
  test("S-272: a stage that nobody named is small, unprotected and costs nothing idle", () => {
    expect(settingsOf("anas-laptop", {})).toEqual(settingsOf("dev", {}));
    const noted = { STOCKWIRE_ACCOUNT: "{}", STOCKWIRE_DOMAIN: "shop.example" };
    expect(settingsOf("dev", noted)).toEqual(settingsOf("dev", {}));
    expect(settingsOf("constructor", {})).toEqual(settingsOf("dev", {}));
    expect(settingsOf("dev", {})).toMatchObject({
      isProtected: false,
      provisionedConcurrency: 0,
      tracing: false,
      routeMetrics: false,
    });
  });

  test("A-04, C-22: no stage answers to all origins; a protected one to none that is not named", () => {
    expect(settingsOf("production", {}).origins).toEqual([]);
    for (const origins of ["*", "https://a.example,*", "ftp://a.example"]) {
      expect(() => settingsOf("dev", { STOCKWIRE_ORIGINS: origins })).toThrow("STOCKWIRE_ORIGINS");
    }
  });

  test("an issuer without its audience is refused", () => {
    expect(() => settingsOf("dev", { STOCKWIRE_ISSUER: "https://a.example" })).toThrow("together");
  });
});

test("sst.config.ts and infra/ type-check against SST's own sources", async () => {
  const tsc = join(root, "node_modules/.bin/tsc");
  const { stdout } = await promisify(execFile)(tsc, ["-p", "infra"], { cwd: root }).catch(
    (error: unknown) => error as { stdout: string },
  );
  expect(stdout).toBe("");
}, 120_000);

test("under sst dev the functions are stubs of those on one's own machine, and the rest is there", () => {
  const live = inject("underSstDev");
  const stubs = all(live, "lambda/function").map(({ inputs }) => inputs["description"]);
  expect(stubs).toHaveLength(all(stack("dev"), "lambda/function").length);
  for (const description of stubs) expect(description).toMatch(/ \(live\)$/);
  for (const kind of ["dynamodb/table", "apigatewayv2/route", "sqs/queue"]) {
    expect(all(live, kind)).toHaveLength(all(stack("dev"), kind).length);
  }
});

describe.each(stages)("%s", (stage) => {
  test("S-235, S-236, S-271, S-393, S-394, S-395: tells its URLs", () => {
    const url = expect.stringMatching(/^https:/);
    expect(stack(stage).outputs).toMatchObject({
      apiUrl: url,
      liveUrl: expect.stringMatching(/^wss:/),
      docsUrl: expect.stringMatching(/^https:.*\/docs$/),
      issuer: url,
    });
  });

  test("S-021, S-071, S-250, S-259, S-269, S-391, S-397, A-32: is made of these, in us-east-1, under its own names", async () => {
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

/** What is worth reading in a diff: what it is, and the settings that cost, open or keep. */
function lineOf({ type, name, inputs, retainOnDelete }: Resource): string {
  const kind = type.replace(/^aws:/, "").replace(/:.*$/, "");
  const told = [
    inputs["routeKey"],
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
    retainOnDelete ? "kept" : undefined,
  ];
  const words = told.filter((word) => word !== undefined && word !== false && word !== "");
  return [kind, name, ...(words.length > 0 ? [`(${words.join("; ")})`] : [])].join(" ");
}
