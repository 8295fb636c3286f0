/**
 * Global set-up of `npm run test:hosts`, after the engine's: an issuer, and each host once for all
 * tests. Tests find them in the environment variable TEST_HOSTS.
 */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openIssuer } from "../../issuer/issuer.ts";
import { AUDIENCE } from "../../server-registry.ts";
import { starts } from "./host.ts";
import { fetchRuntimes } from "./runtime.ts";

/** What TEST_HOSTS holds, as JSON. */
export interface TestHosts {
  /** Folder of the issuer's key, and its URL. */
  issuer: { dir: string; url: string };
  /** The settings of every host. */
  settings: Record<string, string>;
  /** The URL of each host by its name. */
  urls: Record<string, string>;
}

export default async function setup(): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), "stockwire-issuer-"));
  const server = createServer((request, response) => {
    if (!issuer.handle(request, response)) response.writeHead(404).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = await openIssuer({ dir, issuer: url, audience: AUDIENCE, clientId: "tests" });
  const settings = settingsFor(url);
  const runtimes = await fetchRuntimes();
  const started = await Promise.allSettled(
    Object.entries(starts).map(
      async ([name, start]) => [name, await start(runtimes, settings)] as const,
    ),
  );
  const hosts = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const end = async () => {
    await Promise.all(hosts.map(([, host]) => host.close()));
    server.close();
    server.closeAllConnections();
    await rm(dir, { recursive: true });
  };
  const failed = started.find((each) => each.status === "rejected");
  if (failed !== undefined) {
    await end();
    throw failed.reason;
  }
  const urls = Object.fromEntries(hosts.map(([name, host]) => [name, host.url]));
  process.env["TEST_HOSTS"] = JSON.stringify({
    issuer: { dir, url },
    settings,
    urls,
  } satisfies TestHosts);
  return end;
}

/** The tables and the engine are those of the test run. */
function settingsFor(issuer: string): Record<string, string> {
  const { DYNAMODB_ENDPOINT = "", DATA_TABLE = "", CHANGES_TABLE = "" } = process.env;
  const { CONNECTIONS_TABLE = "" } = process.env;
  return {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_ENDPOINT_URL_DYNAMODB: DYNAMODB_ENDPOINT,
    DATA_TABLE,
    CHANGES_TABLE,
    CONNECTIONS_TABLE,
    JWT_ISSUER: issuer,
    JWT_AUDIENCE: AUDIENCE,
    CHANGE_STREAM_SECONDS: "1",
    CURSOR_SECRET: "the cursor secret of these tests, long enough",
    STAGE: "test",
    LOG_LEVEL: "error",
    ALLOWED_ORIGINS: "*",
    PUBLIC_SCHEME: "http",
    CALLER_RATE: "0", // the tests send as fast as they can
  };
}
