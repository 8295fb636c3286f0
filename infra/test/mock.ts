/** Computed outputs of resources and data sources, as far as the program reads them. */

export const REGION = "us-east-1";
const ACCOUNT = "123456789012";

export type Values = Record<string, unknown>;
type Outputs = (inputs: Values & { name: string }, logicalName: string) => Values;

const arn = (service: string, rest: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;
const invoke = (target: string) =>
  `arn:aws:apigateway:${REGION}:lambda:path/2015-03-31/functions/${target}/invocations`;

/** By type. All other resources have their inputs as outputs. */
const OUTPUTS: Readonly<Record<string, Outputs>> = {
  "aws:lambda/function:Function": ({ name }) => {
    const self = arn("lambda", `function:${name}`);
    return {
      arn: self,
      invokeArn: invoke(self),
      version: "1",
      qualifiedArn: `${self}:1`,
      qualifiedInvokeArn: invoke(`${self}:1`),
    };
  },
  "aws:lambda/alias:Alias": ({ name, functionName }) => ({
    arn: arn("lambda", `function:${String(functionName)}:${name}`),
  }),
  "aws:s3/bucket:Bucket": ({ bucket }) => ({ arn: `arn:aws:s3:::${String(bucket)}` }),
  "aws:cloudwatch/eventRule:EventRule": ({ name }) => ({ arn: arn("events", `rule/${name}`) }),
  "aws:dynamodb/table:Table": ({ name }) => ({
    arn: arn("dynamodb", `table/${name}`),
    streamArn: arn("dynamodb", `table/${name}/stream/2026-01-01T00:00:00.000`),
  }),
  "aws:sqs/queue:Queue": ({ name }) => ({
    arn: arn("sqs", name),
    url: `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${name}`,
  }),
  "aws:sns/topic:Topic": ({ name }) => ({ arn: arn("sns", name) }),
  "aws:iam/role:Role": ({ name }) => ({ arn: `arn:aws:iam::${ACCOUNT}:role/${name}` }),
  "aws:s3/bucketObjectv2:BucketObjectv2": ({ key }) => ({ key }),
  "aws:cloudwatch/logGroup:LogGroup": ({ name }) => ({ arn: arn("logs", `log-group:${name}`) }),
  "aws:cognito/userPool:UserPool": (_, id) => ({
    arn: arn("cognito-idp", `userpool/${REGION}_${id}`),
  }),
  "aws:apigatewayv2/api:Api": ({ protocolType }, id) => {
    const host = `${id.toLowerCase()}.execute-api.${REGION}.amazonaws.com`;
    return {
      apiEndpoint: `${protocolType === "WEBSOCKET" ? "wss" : "https"}://${host}`,
      executionArn: arn("execute-api", id.toLowerCase()),
    };
  },
  "aws:apigatewayv2/domainName:DomainName": ({ domainNameConfiguration }) => ({
    domainNameConfiguration: {
      ...(domainNameConfiguration as object),
      targetDomainName: "d-1.execute-api.us-east-1.amazonaws.com",
      hostedZoneId: "Z1",
    },
  }),
  "aws:apigateway/restApi:RestApi": (_, id) => ({
    executionArn: arn("execute-api", id.toLowerCase()),
    rootResourceId: `${id}-root`,
  }),
  "aws:apigateway/stage:Stage": ({ restApi, stageName }) => ({
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/arn-format-reference.html
    arn: `arn:aws:apigateway:${REGION}::/restapis/${String(restApi)}/stages/${String(stageName)}`,
  }),
  "aws:apigateway/domainName:DomainName": () => ({
    regionalDomainName: "d-2.execute-api.us-east-1.amazonaws.com",
    regionalZoneId: "Z1",
  }),
  "aws:wafv2/webAcl:WebAcl": ({ name }) => ({ arn: arn("wafv2", `regional/webacl/${name}/1`) }),
  "aws:apigateway/account:Account": ({ cloudwatchRoleArn }) => ({
    // Empty in an account in which API Gateway has never written a log.
    cloudwatchRoleArn:
      cloudwatchRoleArn ??
      (process.env["FRESH_ACCOUNT"] ? "" : `arn:aws:iam::${ACCOUNT}:role/logs`),
  }),
  "aws:acm/certificate:Certificate": ({ domainName }, id) => ({
    arn: arn("acm", `certificate/${id}`),
    domainValidationOptions: [
      {
        domainName,
        resourceRecordName: `_x.${String(domainName)}.`,
        resourceRecordType: "CNAME",
        resourceRecordValue: "_y.acm-validations.aws.",
      },
    ],
  }),
  // SST looks up the hosted zone of a domain.
  "pulumi-nodejs:dynamic:Resource": ({ domain }) => ({
    ...(domain !== undefined && { zoneId: "Z2" }),
  }),
  "random:index/randomBytes:RandomBytes": ({ length }) => ({
    base64: Buffer.alloc(Number(length), 7).toString("base64"),
  }),
  "random:index/randomId:RandomId": ({ byteLength }) => ({
    hex: Buffer.alloc(Number(byteLength), 7).toString("hex"),
  }),
  "random:index/randomPassword:RandomPassword": ({ length }) => ({
    result: "r".repeat(Number(length)),
  }),
};

export const outputsOf = (type: string, inputs: Values, logicalName: string): Values => {
  const name = typeof inputs["name"] === "string" ? inputs["name"] : logicalName;
  return { ...inputs, name, ...OUTPUTS[type]?.({ ...inputs, name }, logicalName) };
};

export const idOf = (type: string, logicalName: string): string =>
  type === "aws:cognito/userPool:UserPool" ? `${REGION}_${logicalName}` : `${logicalName}-id`;

interface Statement {
  effect?: string;
  actions: string[];
  resources?: string[];
  principals?: { type: string; identifiers: string[] }[];
  conditions?: { test: string; variable: string; values: string[] }[];
}

const DATA_SOURCES: Readonly<Record<string, (inputs: Values) => Values>> = {
  "aws:index/getRegion:getRegion": () => ({ region: REGION, name: REGION, id: REGION }),
  "aws:index/getPartition:getPartition": () => ({ partition: "aws", dnsSuffix: "amazonaws.com" }),
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({ accountId: ACCOUNT, id: ACCOUNT }),
  "aws:route53/getZone:getZone": () => ({ zoneId: "Z2", id: "Z2" }),
  "aws:iam/getPolicyDocument:getPolicyDocument": (inputs) => ({
    ...inputs,
    json: JSON.stringify({
      Version: "2012-10-17",
      Statement: ((inputs["statements"] ?? []) as Statement[]).map(
        ({ effect = "Allow", actions, resources, principals, conditions }) => ({
          Effect: effect,
          Action: actions,
          ...(resources && { Resource: resources }),
          ...(conditions && {
            Condition: Object.fromEntries(
              conditions.map(({ test, variable, values }) => [test, { [variable]: values }]),
            ),
          }),
          ...(principals && {
            Principal: Object.fromEntries(
              principals.map(({ type, identifiers }) => [type, identifiers]),
            ),
          }),
        }),
      ),
    }),
  }),
};

/** Outputs of a data source, or undefined for one that this file does not know. */
export const dataSource = (token: string, inputs: Values): Values | undefined =>
  DATA_SOURCES[token]?.(inputs);
