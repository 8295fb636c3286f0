import { duration, logBytes, units } from "./measured.ts";
import { free, price, seeds } from "./price.ts";

/** What a month of a stage costs, by component. */

export interface Usage {
  requests: number; // a month, through the HTTP API
  /** Of the requests, those that change a record; each is one change in the log. */
  writes: number; // percent
  connections: number; // open at any time, on average
  /** Connections that are told of a change. */
  listeners: number;
  storage: number; // GB
  memory: number; // MB
  provisioned: number; // environments kept warm
  /** Routes whose metrics are kept apart. */
  routes: number;
  traced: number; // percent of requests
  freeTier: boolean;
}

export interface Line {
  component: string;
  usd: number;
  basis: string;
}

const MINUTES = 730 * 60; // in a month
const KB = 1024;
const GB = 1e9;
const PING_EVERY = 5; // minutes
const OWN_METRICS = 12;
const ROUTE_METRICS = 9; // 4 of ours, 5 of the gateway's
const ALARMS = 11;

const count = (value: number) => Math.round(value).toLocaleString("en");

export function bill(usage: Usage): Line[] {
  const { requests, connections, listeners, storage, provisioned, routes } = usage;
  const beyond = (amount: number, granted: number) =>
    usage.freeTier ? Math.max(0, amount - granted) : amount;
  const changes = requests * (usage.writes / 100);
  const reads = requests - changes;
  const frames = changes * Math.min(listeners, connections);
  const pings = connections * (MINUTES / PING_EVERY) * 2;
  const memory = usage.memory / KB; // GB
  const minutes = connections * MINUTES;

  const invocations = requests + changes + pings / 2 + MINUTES;
  const ms =
    reads * duration.read +
    changes * (duration.write + duration.change) +
    frames * duration.frame +
    pings * duration.read +
    MINUTES * duration.read;
  const readUnits =
    reads * units.read.reads + changes * (units.write.reads + units.change.reads) + pings;
  const writeUnits =
    reads * units.read.writes + changes * (units.write.writes + units.change.writes);
  const log = (requests * (logBytes.request + logBytes.access) + changes * logBytes.change) / GB;
  const metrics = OWN_METRICS + routes * ROUTE_METRICS;
  const kept = provisioned * memory * MINUTES * 60;

  const lines: Line[] = [
    {
      component: "HTTP API",
      usd: beyond(requests, free.httpRequests) * price.httpRequest,
      basis: `${count(requests)} requests`,
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
      usd: beyond(invocations, free.lambdaRequests) * price.lambdaRequest,
      basis: count(invocations),
    },
    {
      component: "Lambda: time",
      usd: beyond((ms / 1000) * memory, free.lambdaGbSeconds) * price.lambdaGbSecond,
      basis: `${count((ms / 1000) * memory)} GB s at ${usage.memory} MB`,
    },
    {
      component: "Lambda: kept warm",
      usd: kept * price.provisionedGbSecond,
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
      basis: `${count(writeUnits)} units, the change log included`,
    },
    {
      component: "DynamoDB: storage",
      usd: beyond(storage, free.tableGb) * price.tableGb + storage * price.recoveryGb,
      basis: `${storage} GB, recoverable to any second`,
    },
    {
      component: "Logs",
      usd: beyond(log, free.logGb) * price.logGb,
      basis: `${log.toFixed(2)} GB`,
    },
    {
      component: "Metrics and alarms",
      usd: beyond(metrics, free.metrics) * price.metric + beyond(ALARMS, free.alarms) * price.alarm,
      basis: `${metrics} metrics, ${ALARMS} alarms`,
    },
    {
      component: "Dashboard",
      usd: beyond(1, free.dashboards) * price.dashboard,
      basis: "1",
    },
    {
      component: "Traces",
      usd: beyond(requests * (usage.traced / 100), free.traces) * price.trace,
      basis: `${usage.traced} % of requests`,
    },
  ];
  return lines.filter(({ usd, component }) => usd > 0 || component === "HTTP API");
}

/**
 * The seeds' three examples with their own assumptions: nothing but requests, no time, and a
 * database at two dollars a million; the first within the free tier, the others without it.
 */
export const seedExamples = [
  { name: "Low", requests: 1e5, freeTier: true },
  { name: "Medium", requests: 1e6, freeTier: false },
  { name: "High", requests: 1e7, freeTier: false },
].map(({ name, requests, freeTier }) => {
  const paid = freeTier ? 0 : requests;
  const lambda = paid * price.lambdaRequest;
  const gateway = paid * price.httpRequest;
  const database = paid * seeds.database;
  return { name, requests, lambda, gateway, database, total: lambda + gateway + database };
});
