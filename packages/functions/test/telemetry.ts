/** What tests of telemetry need: an issuer, and the settings of a host on the engine of the tests. */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openIssuer } from "../../local/issuer/issuer.ts";

/** Starts an issuer. `token` signs one with all scopes. */
export async function startIssuer() {
  const dir = await mkdtemp(join(tmpdir(), "stockwire-telemetry-"));
  const server = createServer((request, response) => {
    if (!issuer.handle(request, response)) response.writeHead(404).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = await openIssuer({ dir, issuer: url, audience: "stockwire", clientId: "tests" });
  return {
    token: () => issuer.sign({ claims: { sub: "ana", scope: "admin" } }),
    settings: {
      JWT_ISSUER: url,
      CURSOR_SECRET: "the secret of these tests, which is long enough",
      AWS_ENDPOINT_URL_DYNAMODB: process.env["DYNAMODB_ENDPOINT"] ?? "",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      DATA_TABLE: process.env["DATA_TABLE"] ?? "",
      CHANGES_TABLE: process.env["CHANGES_TABLE"] ?? "",
      CONNECTIONS_TABLE: process.env["CONNECTIONS_TABLE"] ?? "",
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await rm(dir, { recursive: true });
    },
  };
}
