/** An issuer of the tokens of token-rule.ts, in the test's own process. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { issuerKeys, jwkOf } from "../token-rule.ts";

export interface Issuer {
  url: string;
  /** Holds later requests back, until the function that it returns is called. */
  hold: () => () => void;
  /** Resolves at the next request. */
  asked: () => Promise<unknown>;
  close: () => void;
}

/** Serves the discovery document and the public key. */
export async function serveIssuer(): Promise<Issuer> {
  const documents = new Map<string, unknown>();
  let held: Promise<void> | undefined;
  const server = createServer(({ url = "" }, response) => {
    const document = documents.get(url);
    const answer = () =>
      response
        .writeHead(document === undefined ? 404 : 200)
        .end(JSON.stringify(document ?? { error: "unknown" }));
    if (held === undefined) answer();
    else void held.then(answer);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  documents.set("/.well-known/openid-configuration", { issuer: url, jwks_uri: `${url}/keys` });
  documents.set("/keys", { keys: [jwkOf(issuerKeys.publicKey)] });
  return {
    url,
    hold() {
      let release = () => undefined as void;
      held = new Promise((resolve) => (release = resolve));
      return () => release();
    },
    asked: () => once(server, "request"),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
