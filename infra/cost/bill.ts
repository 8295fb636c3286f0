/**
 * Estimates the monthly bill of a stage: amounts come from usage and from measured units, prices
 * from AWS's lists.
 */

import { PING_EVERY } from "../../packages/client/src/live/connector.ts";
import { coldStart, duration, logBytes, streamHour, units } from "./measured.ts";
import { cacheHour, examplePrice, free, price } from "./price.ts";

export interface Usage {
  requests: number; // a month, to the HTTP API
  /** A month, to the Partner API; undefined for a stage without one. */
  partnerRequests?: number | undefined;
  cacheSize?: string | undefined; // GB, of the Partner API's cache
  hasFirewall?: boolean;
  streamHours?: number; // a month, of all readers of `GET /changes/stream`
  /** Share of the requests that change a record. Each adds one change to the log. */
  writes: number; // percent
  connections: number; // open at any time, on average
  /** Connections that each change is sent to, on average. */
  listeners: number;
  storage: number; // GB
  memory: number; // MB
  provisioned: number; // environments
  /** Routes with metrics of their own. */
  routes: number;
  traced: number; // percent of requests
  /** Cognito clients with a secret; 0 with an issuer of your own. */
  machineClients: number;
  tokens: number; // that machine clients request a month
  users: number; // that sign in with Cognito at least once a month
  freeTier: boolean;
}

export interface Line {
  component: string;
  usd: number; // a month
  /** The amount that is billed, as text. */
  basis: string;
}

const HOURS = 730; // in a month
const MINUTES = HOURS * 60;
const KB = 1024;
const GB = 1e9;
const PINGS = 60_000 / PING_EVERY; // a minute, of one connection
const STAGE_METRICS = 12;
const ROUTE_METRICS = 9; // 4 custom, 5 of the gateway
const METHOD_METRICS = 5; // of the REST API's gateway
/** An alarm is billed by the metrics that it watches. */
export const ALARM_METRICS = 30;
export const PARTNER_ALARM_METRICS = 10;

const count = (value: number) => Math.round(value).toLocaleString("en");

/** The lines of the bill, without components that cost nothing. */
export function bill(usage: Usage): Line[] {
  const { requests, connections, listeners, storage, provisioned, routes } = usage;
  const billed = (amount: number, granted: number) =>
    usage.freeTier ? Math.max(0, amount - granted) : amount;
  const { partnerRequests: partner = 0, streamHours = 0 } = usage;
  const served = requests + partner;
  const changes = served * (usage.writes / 100);
  const reads = served - changes;
  const frames = changes * Math.min(listeners, connections);
  const pings = connections * MINUTES * PINGS * 2; // with their answers
  const memory = usage.memory / KB; // GB
  const minutes = connections * MINUTES;

  const streams = streamHours * streamHour.requests;
  const invocations = served + changes + pings / 2 + MINUTES + streams;
  const ms =
    reads * duration.read +
    changes * (duration.write + duration.change) +
    frames * duration.frame +
    pings * duration.read +
    MINUTES * duration.read;
  const seconds = (ms / 1000) * memory; // GB s
  const starts = invocations * coldStart.share;
  const startSeconds = (coldStart.ms / 1000) * memory; // GB s of one start
  const readUnits =
    reads * units.read.reads +
    changes * (units.write.reads + units.change.reads) +
    pings +
    streamHours * streamHour.reads;
  const writeUnits =
    reads * units.read.writes + changes * (units.write.writes + units.change.writes);
  const log = (served * (logBytes.request + logBytes.access) + changes * logBytes.change) / GB;
  const hasPartner = usage.partnerRequests !== undefined;
  const metrics = STAGE_METRICS + routes * (ROUTE_METRICS + (hasPartner ? METHOD_METRICS : 0));
  const alarms = ALARM_METRICS + (hasPartner ? PARTNER_ALARM_METRICS : 0);
  const provisionedGbSeconds = provisioned * memory * MINUTES * 60;

  const lines: Line[] = [
    {
      component: "HTTP API",
      usd: requests * price.httpRequest,
      basis: `${count(requests)} requests`,
    },
    {
      component: "Partner API",
      usd: (partner + streams) * price.restRequest,
      basis: `${count(partner + streams)} requests`,
    },
    {
      component: "Partner API: cache",
      usd: (cacheHour.get(usage.cacheSize ?? "") ?? 0) * HOURS,
      basis: `${usage.cacheSize} GB`,
    },
    {
      component: "Partner API: firewall",
      usd: usage.hasFirewall ? price.firewall + (partner + streams) * price.firewallRequest : 0,
      basis: "a web ACL with two rules, and requests",
    },
    {
      component: "Partner API: streams",
      usd: streamHours * 3_600 * streamHour.memory * price.lambdaGbSecond,
      basis: `${count(streamHours)} hours of readers at ${streamHour.memory * KB} MB`,
    },
    {
      component: "Live API: messages",
      usd: (frames + pings) * price.liveMessage,
      basis: `${count(frames)} frames, ${count(pings)} pings and pongs`,
    },
    {
      component: "Live API: connections",
      usd: minutes * price.connectionMinute,
      basis: `${count(minutes)} minutes`,
    },
    {
      component: "Lambda: requests",
      usd: billed(invocations, free.lambdaRequests) * price.lambdaRequest,
      basis: count(invocations),
    },
    {
      component: "Lambda: time",
      usd: billed(seconds, free.lambdaGbSeconds) * price.lambdaGbSecond,
      basis: `${count(seconds)} GB s at ${usage.memory} MB`,
    },
    {
      component: "Lambda: cold starts",
      usd:
        billed(starts * startSeconds, Math.max(0, free.lambdaGbSeconds - seconds)) *
        price.lambdaGbSecond,
      basis: `${count(starts)} of ${coldStart.ms} ms, ${(startSeconds * price.lambdaGbSecond * 1e6).toFixed(2)} USD a million`,
    },
    {
      component: "Lambda: kept warm",
      usd: provisionedGbSeconds * price.provisionedGbSecond,
      basis: `${provisioned} environments`,
    },
    {
      component: "DynamoDB: reads",
      usd: readUnits * price.readUnit,
      basis: `${count(readUnits)} units`,
    },
    {
      component: "DynamoDB: writes",
      usd: writeUnits * price.writeUnit,
      basis: `${count(writeUnits)} units, including the change log`,
    },
    {
      component: "DynamoDB: storage",
      usd: billed(storage, free.tableGb) * price.tableGb + storage * price.recoveryGb,
      basis: `${storage} GB, with point-in-time recovery`,
    },
    {
      component: "Logs",
      usd: billed(log, free.logGb) * price.logGb,
      basis: `${log.toFixed(2)} GB`,
    },
    {
      component: "Metrics and alarms",
      usd: billed(metrics, free.metrics) * price.metric + billed(alarms, free.alarms) * price.alarm,
      basis: `${metrics} metrics, ${alarms} metrics of alarms`,
    },
    {
      component: "Dashboard",
      usd: billed(1, free.dashboards) * price.dashboard,
      basis: "1",
    },
    {
      component: "Cognito: machine clients",
      usd: usage.machineClients * price.machineClient + usage.tokens * price.machineToken,
      basis: `${usage.machineClients} clients, ${count(usage.tokens)} tokens`,
    },
    {
      component: "Cognito: users",
      usd: billed(usage.users, free.users) * price.user,
      basis: `${count(usage.users)} active users, tier Lite`,
    },
    {
      component: "Traces",
      usd: billed(served * (usage.traced / 100), free.traces) * price.trace,
      basis: `${usage.traced} % of requests`,
    },
  ];
  return lines.filter(({ usd, component }) => usd > 0 || component === "HTTP API");
}

/**
 * Three examples from the project's first requirements, with the assumptions made there: requests
 * only, no compute time, two dollars per million database calls, and the free tier for the first.
 */
export const examples = [
  { name: "Low", requests: 1e5, freeTier: true },
  { name: "Medium", requests: 1e6, freeTier: false },
  { name: "High", requests: 1e7, freeTier: false },
].map(({ name, requests, freeTier }) => {
  const paid = freeTier ? 0 : requests;
  const lambda = paid * price.lambdaRequest;
  const gateway = paid * price.httpRequest;
  const database = paid * examplePrice.database;
  return { name, requests, lambda, gateway, database, total: lambda + gateway + database };
});
