/** `npm run keys`: the API keys of the Partner API, on the laptop or of a deployed stage. */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { isPlan, plans } from "@stockwire/functions/partner/plan";
import { createFolder } from "../folder.ts";
import { messageOf } from "../error.ts";
import { type KeyInfo, type KeyStore, type KeyUsage, laptopKeys } from "../partner/key-store.ts";
import { hasEnded } from "../partner/key-file.ts";
import { find, readPort, ROOT } from "../server-registry.ts";

const USAGE = `Usage: npm run keys -- COMMAND [options]

The API keys of the Partner API. A key is shown once, when it is created.

  create NAME --plan PLAN  create a key; PLAN is ${Object.keys(plans).join(" or ")}
  list                     list all keys, without their values
  disable ID, enable ID    refuse the key from now on, admit it again
  rotate ID [--grace 1h]   create a successor in the same plan; the old key works until the grace
                           (s, m, h or d) ends, or ends immediately
  usage [ID]               requests of this month by day, and what is left of the plan's quota

  --port N     port of the server on this machine (default: PORT or 3000)
  --stage NAME the keys of a stage on AWS instead, with the AWS SDK's region and credentials
  --help       show this text`;

async function main(): Promise<string> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      plan: { type: "string" },
      grace: { type: "string" },
      port: { type: "string" },
      stage: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return USAGE;
  const [command = "", argument, ...rest] = positionals;
  if (rest.length > 0) throw new Error(`${rest.join(" ")} is too much (see --help)`);
  if (values.plan !== undefined && command !== "create")
    throw new Error("--plan is for create only");
  if (values.grace !== undefined && command !== "rotate")
    throw new Error("--grace is for rotate only");
  const needed = (what: string): string => {
    if (argument === undefined || argument === "")
      throw new Error(`${what} is missing (see --help)`);
    return argument;
  };
  switch (command) {
    case "create": {
      const name = needed("the NAME of the key");
      if (!/^[\w .@-]{1,64}$/.test(name)) {
        throw new Error("NAME has 1 to 64 letters, digits, spaces and . _ @ -");
      }
      const { plan = "" } = values;
      if (!isPlan(plan)) throw new Error(`--plan must be ${Object.keys(plans).join(" or ")}`);
      return textOf(await (await open(values)).create(name, plan));
    }
    case "list": {
      if (argument !== undefined) throw new Error("list takes no argument");
      const keys = await (await open(values)).list();
      return keys.length === 0 ? "There are no API keys" : keys.map(lineOf).join("\n");
    }
    case "disable":
    case "enable": {
      const id = needed("the ID of the key");
      return lineOf(await (await open(values)).enable(id, command === "enable"));
    }
    case "rotate": {
      const id = needed("the ID of the key");
      const graceMs = readGrace(values.grace);
      const { note, ...created } = await (await open(values)).rotate(id, graceMs);
      return `${textOf(created)}\n${note}`;
    }
    case "usage": {
      const usage = await (await open(values)).usage(argument);
      return usage.length === 0 ? "There are no API keys" : usage.map(usageOf).join("\n");
    }
    default:
      throw new Error(
        `${command === "" ? "A command is missing" : `${command} is unknown`} (see --help)`,
      );
  }
}

async function open({ stage, port }: { stage?: string; port?: string }): Promise<KeyStore> {
  if (stage !== undefined) {
    if (port !== undefined) throw new Error("--port or --stage, not both");
    if (!/^[A-Za-z0-9-]{1,64}$/.test(stage)) throw new Error("--stage must be the name of a stage");
    const { awsKeys } = await import("../partner/aws-keys.ts"); // the laptop needs no SDK for this
    return awsKeys(stage);
  }
  const dataDir =
    find(readPort(port))?.dataDir ?? (process.env["STOCKWIRE_DATA"] || join(ROOT, ".stockwire"));
  await createFolder(dataDir);
  return laptopKeys(dataDir);
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90m` in ms; 0 if it is not given. */
function readGrace(text: string | undefined): number {
  if (text === undefined) return 0;
  const [, count = "", unit = ""] = /^(\d{1,5})([smhd])$/.exec(text) ?? [];
  const scale = UNITS[unit];
  if (scale === undefined)
    throw new Error("--grace must be a number with s, m, h or d, such as 1h");
  return Number(count) * scale;
}

const textOf = ({ key, value }: { key: KeyInfo; value: string }): string =>
  `${lineOf(key)}\n${value}\nThis is the key. It is not shown again.`;

function lineOf(key: KeyInfo): string {
  const { id, name, plan, enabled, expiresAt, createdAt } = key;
  const ends = expiresAt === undefined ? "enabled" : `ends ${expiresAt}`;
  const state = !enabled ? "disabled" : hasEnded(key) ? "expired" : ends;
  return `${id}  ${plan.padEnd(10)}  ${state}  ${createdAt}  ${name}`;
}

const usageOf = ({ key, days, limit, left }: KeyUsage): string =>
  [
    `${key.id}  ${key.plan}  ${key.name}: ${left} of ${limit} requests left this month`,
    ...days.map(({ day, requests }) => `  ${day}  ${requests}`),
  ].join("\n");

try {
  console.log(await main());
} catch (error) {
  console.error(messageOf(error).split("\n", 1)[0]);
  process.exitCode = 1;
}
