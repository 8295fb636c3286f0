/** `npm run cost`: prints an estimate of a stage's monthly bill. */

import { routes } from "@stockwire/functions/api/policy";
import { parseArgs } from "node:util";
import { bill, examples, type Usage } from "./bill.ts";
import { cacheHour, READ_ON } from "./price.ts";

const HELP = `Usage: npm run cost -- [options]

Estimates the monthly bill of a production stage by component, from measured units and
the list prices of ${READ_ON} in us-east-1.

  --requests N     requests to the HTTP API a month (1000000)
  --partner N      requests to the Partner API a month; without this option there is none
  --cache GB       size of the Partner API's cache: 0.5, 1.6, 6.1, 13.5, 28.4, 58.2, 118 or 237
  --firewall       AWS WAF in front of the Partner API
  --streams N      hours that readers spend in GET /changes/stream a month, all together (0)
  --writes N       percent of the requests that change a record (20)
  --connections N  open connections to the Live API, on average (0)
  --listeners N    connections that each change is sent to, on average (10)
  --storage N      GB in the tables (1)
  --memory N       MB of each function (1024)
  --provisioned N  provisioned concurrency of the HTTP API's function (0)
  --routes N       routes with traffic, each with metrics of its own; 0 for a small stage
                   (${routes.length}, all)
  --clients N      machine clients of Cognito; 0 with an issuer of your own (1)
  --tokens N       tokens that the machine clients request a month (730, one an hour)
  --users N        people who sign in with Cognito at least once a month (0)
  --traced N       percent of the requests that X-Ray samples (0)
  --free-tier      subtract what is free for every account, each month; API Gateway is not
  --seeds          print the three examples of the first requirements instead
  --help           print this text`;

const DEFAULTS = {
  requests: "1000000",
  streams: "0",
  writes: "20",
  connections: "0",
  listeners: "10",
  storage: "1",
  memory: "1024",
  provisioned: "0",
  routes: String(routes.length),
  traced: "0",
  clients: "1",
  tokens: "730",
  users: "0",
};
type Amount = keyof typeof DEFAULTS;

const PERCENTS: ReadonlySet<Amount> = new Set(["writes", "traced"]);

const usd = (amount: number) => amount.toFixed(2).padStart(10);

function main(): void {
  const { values } = parseArgs({
    options: {
      ...(Object.fromEntries(
        Object.keys(DEFAULTS).map((name) => [name, { type: "string" }]),
      ) as Record<Amount, { type: "string" }>),
      partner: { type: "string" },
      cache: { type: "string" },
      firewall: { type: "boolean", default: false },
      "free-tier": { type: "boolean", default: false },
      seeds: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (values.seeds) return printExamples();

  const numberOf = (name: string, text: string): number => {
    const value = Number(text);
    if (!Number.isFinite(value) || value < 0)
      throw new Error(`--${name} must be a number, 0 or more`);
    return value;
  };
  const amount = (name: Amount): number => {
    const value = numberOf(name, values[name] ?? DEFAULTS[name]);
    if (PERCENTS.has(name) && value > 100) throw new Error(`--${name} must be 100 at most`);
    return value;
  };
  const amounts = Object.fromEntries(
    (Object.keys(DEFAULTS) as Amount[]).map((name) => [name, amount(name)]),
  ) as Record<Amount, number>;
  const { cache, partner } = values;
  if (cache !== undefined && !cacheHour.has(cache)) {
    throw new Error(`--cache must be one of ${[...cacheHour.keys()].join(", ")}`);
  }
  const { clients: machineClients, streams: streamHours, ...rest } = amounts;
  const usage: Usage = {
    ...rest,
    machineClients,
    partnerRequests: partner === undefined ? undefined : numberOf("partner", partner),
    cacheSize: cache,
    hasFirewall: values.firewall,
    streamHours,
    freeTier: values["free-tier"],
  };
  const lines = bill(usage);
  const width = Math.max(...lines.map(({ component }) => component.length));
  for (const { component, usd: price, basis } of lines) {
    console.log(`${component.padEnd(width)} ${usd(price)}  ${basis}`);
  }
  const total = lines.reduce((sum, line) => sum + line.usd, 0);
  console.log(`${"USD a month".padEnd(width)} ${usd(total)}  list prices of ${READ_ON}`);
}

function printExamples(): void {
  console.log("            requests    Lambda  HTTP API  DynamoDB       USD a month");
  for (const { name, requests, lambda, gateway, database, total } of examples) {
    const cells = [lambda, gateway, database, total].map(usd).join("");
    console.log(`${name.padEnd(8)}${requests.toLocaleString("en").padStart(12)}${cells}`);
  }
}

try {
  main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
