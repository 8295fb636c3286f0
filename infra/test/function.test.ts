import { describe, expect, test } from "vitest";
import { all, one, stack, stages, statements } from "./stack.ts";

const NAMES = ["Append", "Http", "LiveAuthorizer", "LiveSocket", "Post", "Sweep"];

describe.each(stages)("the functions of %s", (stage) => {
  const of = () => stack(stage);
  const functions = () => all(of(), "lambda/function");
  const grants = (name: string) =>
    statements(one(of(), "iam/role", `${name}Role`)).flatMap(({ Action, Resource }) =>
      Action.flatMap((action) =>
        Resource.map((resource) => `${action} ${resource.replace(/-[a-z]{8}(?=$|\/|:)/, "")}`),
      ),
    );

  test("S-246, S-249, C-27: one for each source of events", () => {
    expect(functions().map(({ name }) => name)).toEqual(NAMES.map((name) => `${name}Function`));
  });

  test("S-243, S-260, S-318, S-351, C-28: Node 24 on arm64, memory as the stage says, logs in JSON", () => {
    for (const { inputs } of functions()) {
      expect(inputs).toMatchObject({
        runtime: "nodejs24.x",
        architectures: ["arm64"],
        memorySize: stage === "dev" ? 512 : 1024,
        handler: "bundle.handler",
        packageType: "Zip",
        loggingConfig: { logFormat: "JSON" },
        tracingConfig: { mode: stage === "dev" ? "PassThrough" : "Active" },
        environment: { variables: { STAGE: stage, LOG_LEVEL: stage === "dev" ? "debug" : "info" } },
      });
    }
  });

  test("S-353, S-371, S-413, S-417, C-12, A-35: 29 s behind a gateway, a minute behind a queue", () => {
    const timeouts = functions().map(({ name, inputs }) => [name, inputs["timeout"]]);
    expect(Object.fromEntries(timeouts)).toEqual({
      AppendFunction: 60,
      HttpFunction: 29,
      LiveAuthorizerFunction: 10,
      LiveSocketFunction: 29,
      PostFunction: 60,
      SweepFunction: 60,
    });
  });

  test("S-270, S-304, S-322, S-378, C-41: logs are kept for 14 days, under the names that are looked for", () => {
    const groups = all(of(), "cloudwatch/logGroup").map(({ inputs }) => inputs);
    for (const { retentionInDays } of groups) expect(retentionInDays).toBe(14);
    const names = groups.map(({ name }) => name);
    for (const name of NAMES) expect(names).toContain(`/aws/lambda/stockwire-${stage}-${name}`);
    for (const { inputs } of functions()) {
      expect(names).toContain(inputs["loggingConfig"].logGroup);
    }
  });

  test("S-147, S-195, S-251, S-265, S-266, S-321, S-346, S-425, A-03, A-30: each role has its own few permissions", () => {
    const own = `arn:aws:dynamodb:us-east-1:123456789012:table/stockwire-${stage}`;
    const data = `${own}-DataTable`;
    const stream = `${data}/stream/2026-01-01T00:00:00.000`;
    const log = `${own}-ChangesTable`;
    const connections = `${own}-ConnectionsTable`;
    const on = (table: string, ...actions: string[]) =>
      actions.map((action) => `dynamodb:${action} ${table}`);
    const queue = (action: string, name: string) =>
      `sqs:${action} arn:aws:sqs:us-east-1:123456789012:stockwire-${stage}-${name}Queue`;
    const posts = [
      ...on(connections, "GetItem", "Query", "UpdateItem", "BatchWriteItem"),
      "execute-api:ManageConnections arn:aws:execute-api:us-east-1:123456789012:liveapi/live/POST/@connections/*",
    ];
    const ends = ["DELETE", "GET"].map(
      (method) =>
        `execute-api:ManageConnections arn:aws:execute-api:us-east-1:123456789012:liveapi/live/${method}/@connections/*`,
    );
    const logs = (name: string) =>
      ["CreateLogStream", "PutLogEvents"].map(
        (action) =>
          `logs:${action} arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/stockwire-${stage}-${name}:*`,
      );
    const traces = stage === "dev" ? [] : ["xray:PutTraceSegments *", "xray:PutTelemetryRecords *"];
    const expected: Record<string, string[]> = {
      Http: [
        ...on(data, "GetItem", "BatchGetItem", "Query", "PutItem"),
        ...on(data, "UpdateItem", "DeleteItem", "ConditionCheckItem"),
        ...on(`${data}/index/gsi1`, "Query"),
        ...on(log, "GetItem", "Query"),
        ...on(`${log}/index/gsi1`, "Query"),
        ...on(connections, "PutItem"),
      ],
      LiveAuthorizer: on(connections, "DeleteItem"),
      LiveSocket: [
        ...posts,
        ...ends,
        ...on(log, "GetItem"),
        ...on(`${log}/index/gsi1`, "Query"),
        queue("SendMessage", "Delivery"),
      ],
      Append: [
        ...posts,
        ...on(log, "GetItem", "PutItem", "UpdateItem"),
        ...on(data, "GetItem"),
        ...on(stream, "DescribeStream", "GetRecords", "GetShardIterator"),
        ...on(`${data}/stream/*`, "ListStreams"),
        queue("SendMessage", "Delivery"),
        queue("SendMessage", "StreamDeadLetters"),
      ],
      Post: [
        ...posts,
        ...["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"].map((action) =>
          queue(action, "Delivery"),
        ),
      ],
      Sweep: [
        ...on(data, "GetItem", "PutItem", "UpdateItem"),
        ...on(`${data}/index/gsi1`, "Query"),
      ],
    };
    for (const name of NAMES) {
      expect([name, grants(name).toSorted()]).toEqual([
        name,
        [...(expected[name] ?? []), ...logs(name), ...traces].toSorted(),
      ]);
    }
  });

  test("S-280, S-281, S-349, C-17: the one secret goes to those who sign, and is in no source", () => {
    const holders = functions().filter(
      ({ inputs }) => inputs["environment"].variables.CURSOR_SECRET !== undefined,
    );
    expect(holders.map(({ name }) => name)).toEqual([
      "AppendFunction",
      "HttpFunction",
      "LiveSocketFunction",
    ]);
    expect(JSON.stringify(functions().map(({ inputs }) => inputs["environment"]))).not.toContain(
      "SECRET_KEY",
    );
  });

  test("S-316, S-342, S-422: none is kept warm, unless the account asks for it", () => {
    const kept = all(of(), "lambda/provisionedConcurrencyConfig").map(({ inputs }) => inputs);
    if (stage !== "staging") expect(kept).toEqual([]);
    else expect(kept).toMatchObject([{ provisionedConcurrentExecutions: 2, qualifier: "1" }]);
  });

  test("S-027, S-030: there is no server, no network and no gateway to pay for by the hour", () => {
    const idle = of().resources.filter(({ type }) =>
      /^aws:(?:ec2|ecs|rds|lb|elasticache)/.test(type),
    );
    expect(idle).toEqual([]);
  });
});
