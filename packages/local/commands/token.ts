/**
 * `npm run token`: signs an access token with the key of a server on this machine. The server need not
 * run. Standard output holds the token only, so that scripts can capture it.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { isRecord } from "@stockwire/gateway/json";
import { messageOf } from "../error.ts";
import { TOKEN_TTL } from "../issuer/issuer.ts";
import { find, openIssuerOf, readPort, ROOT } from "../server-registry.ts";

const USAGE = `Usage: npm run -s token -- --scope "read:users write:users" [options]

Prints an access token for the server on this machine, and nothing else.

  --scope TEXT     scopes, separated by spaces; "" for none
  --sub NAME       subject (default: laptop-user)
  --ttl SECONDS    lifetime (default: ${TOKEN_TTL}); --ttl=-60 gives an expired token
  --claims JSON    claims to set; null removes a claim
  --header JSON    header members to set; null removes a member
  --port N         port of the server (default: PORT or 3000)
  --help           show this text`;

try {
  console.log(await main());
} catch (error) {
  console.error(messageOf(error).split("\n", 1)[0]);
  process.exitCode = 1;
}

async function main(): Promise<string> {
  const { values } = parseArgs({
    options: {
      scope: { type: "string" },
      sub: { type: "string", default: "laptop-user" },
      ttl: { type: "string", default: String(TOKEN_TTL) },
      claims: { type: "string", default: "{}" },
      header: { type: "string", default: "{}" },
      port: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return USAGE;
  const claims = parseObject("--claims", values.claims);
  const { scope } = values;
  if (scope === undefined && !("scope" in claims) && !("scp" in claims)) {
    throw new Error(
      '--scope is missing, for example --scope "read:users write:users" (see --help)',
    );
  }
  const port = readPort(values.port);
  const server = find(port) ?? {
    dataDir: process.env["STOCKWIRE_DATA"] || join(ROOT, ".stockwire"),
    issuer: `http://localhost:${port}`,
  };
  const issuer = await openIssuerOf(server);
  return issuer.sign({
    claims: { sub: values.sub, ...(scope === undefined ? {} : { scope }), ...claims },
    header: parseObject("--header", values.header),
    ttl: parseInteger("--ttl", values.ttl),
  });
}

function parseObject(option: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${option} is not JSON`);
  }
  if (!isRecord(value)) throw new Error(`${option} must be a JSON object`);
  return value;
}

function parseInteger(option: string, text: string): number {
  if (!/^-?\d{1,12}$/.test(text)) throw new Error(`${option} must be a whole number`);
  return Number(text);
}
