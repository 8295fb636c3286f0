/** The Lambda functions: their names, settings and roles. */

import { describe, expect, test } from "vitest";
import { all, componentOf, handlers, one, stack, stages, statements } from "./stack.ts";

/** Functions of the Partner API alone, which `dev` does not have. */
const OF_PARTNER = ["hello", "stream"];

describe.each(stages)("the functions of %s", (stage) => {
  const handlerFiles = () =>
    handlers.filter((name) => stage !== "dev" || !OF_PARTNER.includes(name));
  const of = () => stack(stage);
  const functions = () => all(of(), "lambda/function");
  const nameOf = (name: string) => `stockwire-${stage}-${name}`;
  const byName = (name: string) =>
    one(of(), "lambda/function", `${componentOf(name)}Function`).inputs;
  const grants = (name: string) =>
    statements(one(of(), "iam/role", `${componentOf(name)}Role`)).flatMap(({ Action, Resource }) =>
      Action.flatMap((action) =>
        Resource.map((resource) => `${action} ${resource.replace(/-[a-z]{8}(?=$|\/|:)/, "")}`),
      ),
    );

  test("there is one for each file in handlers/, named after it in SST and in AWS", () => {
    const names = Object.fromEntries(
      functions().map(({ name, inputs }) => [name, inputs["name"] as string]),
    );
    expect(names).toEqual(
      Object.fromEntries(
        handlerFiles().map((name) => [`${componentOf(name)}Function`, nameOf(name)]),
      ),
    );
  });

  test("they run Node 24 on arm64, with the stage's memory or little, and log JSON", () => {
    for (const { inputs } of functions()) {
      const isStream = inputs["name"] === nameOf("stream"); // it waits most of its time
      expect(inputs).toMatchObject({
        runtime: "nodejs24.x",
        architectures: ["arm64"],
        memorySize: isStream ? 128 : stage === "dev" ? 512 : 1024,
        handler: "bundle.handler",
        packageType: "Zip",
        loggingConfig: { logFormat: "JSON" },
        tracingConfig: { mode: stage === "dev" ? "PassThrough" : "Active" },
        environment: { variables: { STAGE: stage, LOG_LEVEL: stage === "dev" ? "debug" : "info" } },
      });
    }
  });

  test("the timeout is 29 s behind a gateway, more behind a stream, queue or schedule", () => {
    const timeouts = handlerFiles().map((name) => [name, byName(name)["timeout"]]);
    expect(Object.fromEntries(timeouts)).toEqual({
      authorizer: 10,
      changes: 60,
      deliver: 60,
      ...(stage !== "dev" && { hello: 29, stream: 300 }),
      http: 29,
      live: 29,
      sweep: 60,
    });
  });

  test("each function logs to the group of its own name, kept for 14 days", () => {
    const groups = all(of(), "cloudwatch/logGroup").map(({ inputs }) => inputs);
    for (const { retentionInDays } of groups) expect(retentionInDays).toBe(14);
    const names = groups.map(({ name }) => name);
    for (const name of handlerFiles()) {
      expect(names).toContain(`/aws/lambda/${nameOf(name)}`);
      expect(byName(name)["loggingConfig"].logGroup).toBe(`/aws/lambda/${nameOf(name)}`);
    }
  });

  test("each role has the permissions of its function and no others", () => {
    const own = `arn:aws:dynamodb:us-east-1:123456789012:table/stockwire-${stage}`;
    const data = `${own}-DataTable`;
    const stream = `${data}/stream/2026-01-01T00:00:00.000`;
    const log = `${own}-ChangesTable`;
    const connections = `${own}-ConnectionsTable`;
    const on = (table: string, ...actions: string[]) =>
      actions.map((action) => `dynamodb:${action} ${table}`);
    const queue = (action: string, name: string) =>
      `sqs:${action} arn:aws:sqs:us-east-1:123456789012:stockwire-${stage}-${name}`;
    const bucket = `arn:aws:s3:::stockwire-${stage}-failedbatchesbucket`;
    const manage = (method: string) =>
      `execute-api:ManageConnections arn:aws:execute-api:us-east-1:123456789012:liveapi/live/${method}/@connections/*`;
    const sends = [
      ...on(connections, "GetItem", "Query", "UpdateItem", "BatchWriteItem"),
      manage("POST"),
    ];
    const logs = (name: string) =>
      ["CreateLogStream", "PutLogEvents"].map(
        (action) =>
          `logs:${action} arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/${nameOf(name)}:*`,
      );
    const traces = stage === "dev" ? [] : ["xray:PutTraceSegments *", "xray:PutTelemetryRecords *"];
    const expected: Record<string, string[]> = {
      http: [
        ...on(data, "GetItem", "BatchGetItem", "Query", "PutItem"),
        ...on(data, "UpdateItem", "DeleteItem", "ConditionCheckItem"),
        ...on(`${data}/index/gsi1`, "Query"),
        ...on(log, "GetItem", "Query"),
        ...on(`${log}/index/gsi1`, "Query"),
        ...on(connections, "PutItem"),
      ],
      authorizer: on(connections, "DeleteItem"),
      hello: [
        ...on(data, "GetItem", "Query"),
        ...on(`${data}/index/gsi1`, "Query"),
        ...on(log, "GetItem"),
        ...on(`${log}/index/gsi1`, "Query"),
      ],
      live: [
        ...sends,
        ...["DELETE", "GET"].map(manage),
        ...on(log, "GetItem"),
        ...on(`${log}/index/gsi1`, "Query"),
        queue("SendMessage", "DeliveryQueue"),
      ],
      changes: [
        ...sends,
        ...on(log, "GetItem", "PutItem", "UpdateItem"),
        ...on(data, "GetItem"),
        ...on(stream, "DescribeStream", "GetRecords", "GetShardIterator"),
        ...on(`${data}/stream/*`, "ListStreams"),
        queue("SendMessage", "DeliveryQueue"),
        queue("SendMessage", "stream-dead-letters"),
        `s3:PutObject ${bucket}/*`,
        `s3:ListBucket ${bucket}`,
      ],
      deliver: [
        ...sends,
        manage("DELETE"),
        ...on(`${log}/index/gsi1`, "Query"),
        queue("SendMessage", "DeliveryQueue"),
        ...["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"].map((action) =>
          queue(action, "DeliveryQueue"),
        ),
      ],
      stream: [...on(log, "GetItem"), ...on(`${log}/index/gsi1`, "Query")],
      sweep: [
        ...on(data, "GetItem", "BatchGetItem", "PutItem", "UpdateItem"),
        ...on(`${data}/index/gsi1`, "Query"),
      ],
    };
    for (const name of handlerFiles()) {
      expect([name, grants(name).toSorted()]).toEqual([
        name,
        [...(expected[name] ?? []), ...logs(name), ...traces].toSorted(),
      ]);
    }
  });

  test("only the functions that sign or verify cursors have the cursor secret", () => {
    const holders = handlerFiles().filter(
      (name) => byName(name)["environment"].variables.CURSOR_SECRET !== undefined,
    );
    expect(holders).toEqual(
      ["changes", "deliver", "hello", "http", "live", "stream"].filter((name) =>
        handlerFiles().includes(name),
      ),
    );
    expect(JSON.stringify(functions().map(({ inputs }) => inputs["environment"]))).not.toContain(
      "SECRET_KEY",
    );
  });

  test("provisioned concurrency is off unless the account sets it", () => {
    const kept = all(of(), "lambda/provisionedConcurrencyConfig").map(({ inputs }) => inputs);
    if (stage !== "staging") expect(kept).toEqual([]);
    else expect(kept).toMatchObject([{ provisionedConcurrentExecutions: 2, qualifier: "live" }]);
  });

  // A fresh account has a quota so small that AWS refuses to reserve any of it.
  test("no concurrency is reserved unless the account sets it", () => {
    const reserved = handlerFiles().flatMap((name) => {
      const count = byName(name)["reservedConcurrentExecutions"] as number | undefined;
      return count === undefined ? [] : [[name, count]];
    });
    expect(Object.fromEntries(reserved)).toEqual(
      stage === "staging" ? { changes: 20, deliver: 10, stream: 50, sweep: 1 } : {},
    );
  });

  test("each has an alias `live` of the version that a deploy publishes, and is called by it", () => {
    const aliases = all(of(), "lambda/alias").map(({ inputs }) => inputs);
    expect(aliases).toEqual(
      handlerFiles().map((name) => ({
        name: "live",
        functionName: nameOf(name),
        functionVersion: "1",
      })),
    );
    for (const name of handlerFiles()) expect(byName(name)["publish"]).toBe(true);
    // Nothing but policies, names and metrics has a function without its alias.
    const callers = of().resources.filter(({ type }) =>
      /(?:integration|authorizer|eventSourceMapping|schedule):/i.test(type),
    );
    const texts = callers.map(({ inputs }) => JSON.stringify(inputs));
    const called = texts.filter((text) => text.includes(":function:"));
    expect(called.length).toBeGreaterThan(10);
    for (const text of called) {
      expect(text).toMatch(/:function:[\w-]+:(?:live|\$\{stageVariables\.lambdaAlias\})["/]/);
    }
  });

  test("there are no servers, databases or network gateways that are billed by the hour", () => {
    const idle = of().resources.filter(({ type }) =>
      /^aws:(?:ec2|ecs|rds|lb|elasticache)/.test(type),
    );
    expect(idle).toEqual([]);
  });
});
