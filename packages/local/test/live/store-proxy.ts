import { Agent, createServer, request as forward, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** Sees a call before it reaches the engine, or before its answer reaches the caller, and delays it. */
type Hook = (operation: string, body: string) => Promise<unknown> | undefined;

/** A proxy before an engine, which delays calls, and whose engine can be replaced. */
export interface StoreProxy {
  endpoint: string;
  engine: string;
  before: Hook;
  after: Hook;
  close(): void;
}

export async function storeProxy(engine: string): Promise<StoreProxy> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((request, response) => {
    const pass = async () => {
      const body = await buffer(request);
      const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
      await proxy.before(operation, body.toString());
      const { method, url, headers } = request;
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        forward(new URL(url ?? "/", proxy.engine), { method, headers, agent }, resolve)
          .on("error", reject)
          .end(body);
      });
      const answered = await buffer(answer);
      await proxy.after(operation, body.toString());
      response.writeHead(answer.statusCode ?? 502, answer.headers).end(answered);
    };
    pass().catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: StoreProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    engine,
    before: () => undefined,
    after: () => undefined,
    close: () => {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
  return proxy;
}
