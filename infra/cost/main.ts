import { parseArgs } from "node:util";
import { bill, seedExamples, type Usage } from "./bill.ts";
import { READ_ON } from "./price.ts";

const HELP = `Usage: npm run cost -- [options]

What a month of a stage costs by component, from the list prices of ${READ_ON} in
us-east-1 and from measured units.

  --requests N     through the HTTP API (1000000)
  --writes N       percent of them that change a record (20)
  --connections N  open to the Live API at any time, on average (0)
  --listeners N    connections that are told of a change (10)
  --storage N      GB in the tables (1)
  --memory N       MB of each function (1024)
  --provisioned N  environments of the API's function kept warm (0)
  --routes N       routes whose metrics are kept apart (0)
  --traced N       percent of requests that X-Ray samples (0)
  --free-tier      subtract what an account has for nothing
  --seeds          the seeds' three examples, with their own assumptions
  --help           this text`;

const DEFAULTS = {
  requests: "1000000",
  writes: "20",
  connections: "0",
  listeners: "10",
  storage: "1",
  memory: "1024",
  provisioned: "0",
  routes: "0",
  traced: "0",
};
type Amount = keyof typeof DEFAULTS;

const usd = (amount: number) => amount.toFixed(2).padStart(10);

function main(): void {
  const { values } = parseArgs({
    options: {
      ...(Object.fromEntries(
        Object.keys(DEFAULTS).map((name) => [name, { type: "string" }]),
      ) as Record<Amount, { type: "string" }>),
      "free-tier": { type: "boolean", default: false },
      seeds: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (values.seeds) return printSeeds();

  const amount = (name: Amount): number => {
    const value = Number(values[name] ?? DEFAULTS[name]);
    if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} is a number, 0 or more`);
    return value;
  };
  const amounts = Object.fromEntries(
    (Object.keys(DEFAULTS) as Amount[]).map((name) => [name, amount(name)]),
  ) as Record<Amount, number>;
  const usage: Usage = { ...amounts, freeTier: values["free-tier"] };
  const lines = bill(usage);
  const width = Math.max(...lines.map(({ component }) => component.length));
  for (const { component, usd: price, basis } of lines) {
    console.log(`${component.padEnd(width)} ${usd(price)}  ${basis}`);
  }
  const total = lines.reduce((sum, line) => sum + line.usd, 0);
  console.log(`${"USD a month".padEnd(width)} ${usd(total)}  list prices of ${READ_ON}`);
}

function printSeeds(): void {
  console.log("            requests    Lambda  HTTP API  DynamoDB       USD a month");
  for (const { name, requests, lambda, gateway, database, total } of seedExamples) {
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
