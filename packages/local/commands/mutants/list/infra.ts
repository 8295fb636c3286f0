import type { Defect } from "../defect.ts";

const RULE = { file: "infra/test/rule.test.ts", title: "finds nothing" };
const ALIAS = {
  file: "infra/test/function.test.ts",
  title: "each has an alias `live` of the version that a deploy publishes",
};
const GUIDE = (title: string) => ({ file: "packages/local/test/guide.test.ts", title });

const resources: Defect[] = [
  {
    file: "infra/http.ts",
    text: "authorizationScopes: scopesOf(route),",
    replacement: "",
    harm: "On AWS a token of any scope passes the gateway",
    test: RULE,
  },
  {
    file: "infra/http.ts",
    text: 'authorizationType: "JWT",',
    replacement: 'authorizationType: "NONE",',
    harm: "On AWS all routes are open",
    test: RULE,
  },
  {
    file: "infra/partner.ts",
    text: "apiKeyRequired: true",
    replacement: "apiKeyRequired: false",
    harm: "On AWS partners are not metered",
    test: RULE,
  },
  {
    file: "infra/partner.ts",
    text: "args.triggers = triggers;",
    replacement: "args.triggers = {};",
    harm: "A change of the Partner API is never served",
    test: RULE,
  },
  {
    file: "infra/partner.ts",
    text: 'responseTransferMode: "STREAM",',
    replacement: "",
    harm: "On AWS the stream of changes arrives when it has ended",
    test: RULE,
  },
  {
    file: "infra/live.ts",
    text: ", { auth: { lambda: authorizer.id } }",
    replacement: "",
    harm: "On AWS anyone can open a connection",
    test: RULE,
  },
  {
    file: "infra/function.ts",
    text: "resources: [table.arn],",
    replacement: 'resources: ["*"],',
    harm: "Each function may read and write all tables of the account",
    test: RULE,
  },
  {
    file: "infra/changes.ts",
    text: "destinationConfig: { onFailure: { destinationArn: failedBatches.arn } },",
    replacement: "",
    harm: "Records that are too old disappear from the stream without a dead letter",
    test: RULE,
  },
  {
    file: "infra/queue.ts",
    text: "dlq: { queue: deliveryDeadLetters.arn, retry: delivery.maxReceiveCount },",
    replacement: "",
    harm: "A delivery that always fails is repeated until it expires, unseen",
    test: RULE,
  },
  {
    file: "infra/monitoring.ts",
    text: "alarmActions: [topic.arn],",
    replacement: "",
    harm: "Alarms go off and no mail is sent",
    test: { file: "infra/test/monitoring.test.ts", title: "each alarm notifies the topic" },
  },
  {
    file: "infra/storage.ts",
    text: "deletionProtection: isProtected,",
    replacement: "deletionProtection: false,",
    harm: "A wrong command deletes the tables of production",
    test: {
      file: "infra/test/storage.test.ts",
      title: "have deletion protection and are retained on a protected stage",
    },
  },
  {
    file: "infra/stage.ts",
    text: "const IS_PRODUCTION = /(?:^|-)(?:prod|prd|production)\\d*(?:-|$)/;",
    replacement: "const IS_PRODUCTION = /^production$/;",
    harm: "A stage called prod is not protected",
    test: {
      file: "infra/test/stage.test.ts",
      title: "is protected and gets production's size",
    },
  },
  {
    file: "infra/sweep.ts",
    text: 'schedule: "rate(1 minute)",',
    replacement: 'schedule: "rate(1 hour)",',
    harm: "Expired reservations hold their units for an hour",
    test: { file: "infra/test/changes.test.ts", title: "`sweep` runs once a minute" },
  },
  {
    file: "infra/function.ts",
    text: "const target = $dev ? created.arn : aliasOf(component, created, provisioned).arn;",
    replacement:
      "if (!$dev) aliasOf(component, created, provisioned);\n  const target = created.arn;",
    harm: "In an outage a rollback of the alias has no effect, since nothing calls it",
    test: ALIAS,
  },
  {
    file: "infra/function.ts",
    text: "functionVersion: nodes.function.version },",
    replacement: 'functionVersion: "$LATEST" },',
    harm: "An alias has no earlier version to go back to",
    test: ALIAS,
  },
];

const guides: Defect[] = [
  {
    file: "docs/runbook.md",
    text: "aws logs tail /aws/lambda/stockwire-STAGE-http --follow",
    replacement: "",
    harm: "In an outage nobody knows how to read the logs",
    test: GUIDE("the runbook begins with how to read the logs"),
  },
  {
    file: "docs/runbook.md",
    text: "Read the log of `sweep`, then look",
    replacement: "Look",
    harm: "The runbook does not say what to do about a sweep that lags",
    test: GUIDE("the runbook says what to do about the alarm"),
  },
  {
    file: "docs/runbook.md",
    text: "Run `SlowRoutes`. `npm run bench` compares routes and versions",
    replacement: "",
    harm: "The runbook has no answer to slow requests",
    test: GUIDE("the runbook has an answer in each row of what callers report"),
  },
  {
    file: "docs/deploy.md",
    text: "npx sst remove --stage ana",
    replacement: "",
    harm: "Nobody knows how to remove a stage, which goes on to cost money",
    test: GUIDE("to unlock and to remove a stage"),
  },
  {
    file: "docs/deploy.md",
    text: "about 70 % less",
    replacement: "about 30 % less",
    harm: "A reader chooses the dearer kind of API",
    test: GUIDE("the guide compares the prices of both kinds of API"),
  },
];

export const infra = [...resources, ...guides];
