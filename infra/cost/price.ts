/**
 * List prices in us-east-1, in USD, on the day below.
 * https://aws.amazon.com/api-gateway/pricing/ https://aws.amazon.com/lambda/pricing/
 * https://aws.amazon.com/dynamodb/pricing/on-demand/ https://aws.amazon.com/cloudwatch/pricing/
 * https://aws.amazon.com/sqs/pricing/ https://aws.amazon.com/xray/pricing/
 * https://aws.amazon.com/cognito/pricing/ https://aws.amazon.com/waf/pricing/
 */
export const READ_ON = "2026-11-21";

const MILLION = 1e6;

export const price = {
  httpRequest: 1 / MILLION, // of 512 KB; less beyond 300 million a month
  liveMessage: 1 / MILLION, // of 32 KB
  connectionMinute: 0.25 / MILLION,
  restRequest: 3.5 / MILLION, // less beyond 333 million a month
  firewall: 5 + 2, // a month, for a web ACL with two rules
  firewallRequest: 0.6 / MILLION,
  lambdaRequest: 0.2 / MILLION,
  lambdaGbSecond: 0.000_013_333_4, // arm64; x86 is 0.000 016 666 7
  provisionedGbSecond: 0.000_003_333_4, // arm64
  readUnit: 0.125 / MILLION, // half of what it was before November 2024
  writeUnit: 0.625 / MILLION,
  tableGb: 0.25, // a month
  recoveryGb: 0.2, // a month
  logGb: 0.5, // ingested
  metric: 0.3, // a month, of the first 10 000
  alarm: 0.1, // a month, for each metric that it watches
  dashboard: 3, // a month
  queueRequest: 0.4 / MILLION,
  trace: 5 / MILLION,
  user: 0.0055, // a month, for each active user of a Cognito pool with the tier Lite
  machineClient: 6, // a month, for a Cognito client with client credentials
  machineToken: 2.25 / 1_000,
} as const;

/** The response cache of a REST API, by its size in GB: an hour. It is never free. */
export const cacheHour: ReadonlyMap<string, number> = new Map([
  ["0.5", 0.02],
  ["1.6", 0.038],
  ["6.1", 0.2],
  ["13.5", 0.25],
  ["28.4", 0.5],
  ["58.2", 1],
  ["118", 1.9],
  ["237", 3.8],
]);

/**
 * Amounts that are free for every account, each month. The free requests of API Gateway are missing:
 * accounts from before 15 July 2025 had them for a year, later ones get credits instead.
 * https://aws.amazon.com/free/
 */
export const free = {
  users: 10_000, // of Cognito pools with the tier Lite
  lambdaRequests: MILLION,
  lambdaGbSeconds: 400_000,
  /** DynamoDB's free 25 units a second apply to provisioned capacity only, not to on demand. */
  metrics: 10,
  alarms: 10,
  dashboards: 3,
  logGb: 5,
  queueRequests: MILLION,
  traces: 100_000,
  tableGb: 25,
} as const;

/** Database price of the original examples, which assume DynamoDB's prices before November 2024. */
export const examplePrice = { database: 2 / MILLION } as const;
