/** Stands in for AWS when SST's command looks for its state: there is a bucket, with no state yet. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

const BOOTSTRAP = {
  version: 99, // newer than the command's own version, so it migrates nothing
  asset: "sst-asset",
  state: "sst-state",
  assetEcrRegistryId: "123456789012",
  assetEcrUrl: "123456789012.dkr.ecr.us-east-1.amazonaws.com/sst-asset",
  appsyncHttp: "appsync-http.test",
  appsyncRealtime: "appsync-realtime.test",
};
const PASSPHRASE = Buffer.alloc(32, "p").toString("base64");

const parameter = (name: string) =>
  name === "/sst/bootstrap" ? JSON.stringify(BOOTSTRAP) : PASSPHRASE;

/** Answers the calls for state. Refuses all others and lists them in `unexpected`. */
export async function startCloud() {
  const unexpected: string[] = [];
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = await text(req);
    const target = String(req.headers["x-amz-target"] ?? "");
    res.setHeader("connection", "close");
    if (target === "AmazonSSM.GetParameter") {
      const { Name } = JSON.parse(body) as { Name: string };
      const Parameter = { Name, Type: "String", Version: 1, Value: parameter(Name) };
      res.setHeader("content-type", "application/x-amz-json-1.1");
      res.end(JSON.stringify({ Parameter }));
    } else if (req.method === "GET" && req.url?.startsWith("/v2/apis")) {
      // With --dev: AppSync Events, through which stubs call functions on the developer's machine.
      const dns = { HTTP: BOOTSTRAP.appsyncHttp, REALTIME: BOOTSTRAP.appsyncRealtime };
      const api = { name: "sst", apiId: "a", dns };
      const channelNamespaces = [{ name: "sst", apiId: "a" }];
      res.setHeader("content-type", "application/json");
      res.end(JSON.stringify({ api, apis: [api], channelNamespaces }));
    } else if (req.method === "GET" && req.url?.startsWith(`/${BOOTSTRAP.state}/`)) {
      res.writeHead(404, { "content-type": "application/xml" });
      res.end("<Error><Code>NoSuchKey</Code><Message>no</Message></Error>");
    } else {
      unexpected.push(`${req.method} ${req.url} ${target} ${body.slice(0, 200)}`);
      res.writeHead(501).end();
    }
  };
  const server = createServer((req, res) => void answer(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    unexpected,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
