import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import fc from "fast-check";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { send, sendDirectly } from "../../src/live/send.ts";
import { authorization } from "../../src/signature.ts";

/** The SDK makes a client for each; test:stress compares more. */
const SIGNATURES = Number(process.env["SIGNATURES"] ?? 100);

interface Signed {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

/** Returns the request that the SDK would send. */
async function signedBySdk(
  endpoint: string,
  id: string,
  frame: string,
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string },
): Promise<Signed> {
  const client = new ApiGatewayManagementApiClient({ endpoint, region: "eu-west-1", credentials });
  let request: unknown;
  client.middlewareStack.add(
    () => (args) => {
      ({ request } = args as { request: unknown });
      return Promise.resolve({ output: { $metadata: {} }, response: undefined });
    },
    { step: "finalizeRequest", priority: "low" },
  );
  await client.send(new PostToConnectionCommand({ ConnectionId: id, Data: frame }));
  return request as Signed;
}

test("the signature of a request is that of the SDK", async () => {
  const word = fc.stringMatching(/^[A-Za-z0-9/+]{1,60}$/);
  const request = fc.record({
    stage: fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/),
    id: fc.string({ minLength: 3, maxLength: 40 }), // not `.` or `..`
    frame: fc.string({ unit: "binary", minLength: 1, maxLength: 200 }),
    accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/),
    secretAccessKey: word,
    sessionToken: fc.option(word, { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ stage, id, frame, sessionToken, ...keys }) => {
      const endpoint = `https://abc.execute-api.eu-west-1.amazonaws.com/${stage}`;
      const sdkRequest = await signedBySdk(endpoint, id, frame, {
        ...keys,
        ...(sessionToken !== undefined && { sessionToken }),
      });
      const header = sdkRequest.headers["authorization"] ?? "";
      const names = /SignedHeaders=([^,]+)/.exec(header)?.[1]?.split(";") ?? [];
      const headers = Object.fromEntries(
        names.map((name) => [name, sdkRequest.headers[name] ?? ""]),
      );
      expect(
        authorization(
          { ...sdkRequest, headers },
          { ...keys, region: "eu-west-1", service: "execute-api" },
        ),
      ).toBe(header);
    }),
    { numRuns: SIGNATURES },
  );
});

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Starts a management API that gives these answers, and then always 200. */
async function answering(...answers: (number | "nothing")[]) {
  const seen: { agent: string | undefined; url: string | undefined; body: string }[] = [];
  const respond = async (req: IncomingMessage, res: ServerResponse) => {
    const answer = answers.shift() ?? 200;
    const body = (await req.toArray()).join("");
    seen.push({ agent: req.headers["user-agent"], url: req.url, body });
    if (answer === "nothing") req.socket.destroy();
    else res.writeHead(answer, { "content-length": 0 }).end();
  };
  server = createServer((req, res) => void respond(req, res)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { target: { endpoint: `http://127.0.0.1:${port}/live`, id: "Ab_-1=" }, seen };
}

test("a frame that is accepted is sent once", async () => {
  const { target, seen } = await answering();
  expect(await send(target, "für Ana")).toBe("sent");
  const url = "/live/@connections/Ab_-1%3D";
  expect(seen).toEqual([{ agent: undefined, url, body: "für Ana" }]);
});

test("410 means that the connection is gone, and is not retried", async () => {
  const { target, seen } = await answering(410);
  expect(await send(target, "x")).toBe("gone");
  expect(seen).toHaveLength(1);
});

test.each([403, 429, 500, "nothing"] as const)(
  "after %s the SDK sends the frame again",
  async (answer) => {
    const { target, seen } = await answering(answer);
    expect(await send(target, "x")).toBe("sent");
    expect(seen.map(({ agent }) => agent?.slice(0, 6))).toEqual([undefined, "aws-sd"]);
  },
);

test("a frame that is refused twice has failed", async () => {
  const { target } = await answering(413, 413);
  expect(await send(target, "x")).toBe("failed");
});

test("frames to an endpoint in this process are handed over without a request", async () => {
  const { target, seen } = await answering();
  const posted: string[] = [];
  const statusOf = new Map([["gone", 410]]);
  const end = sendDirectly(target.endpoint, (id, frame) => {
    posted.push(`${id} ${frame.toString()}`);
    return statusOf.get(id) ?? 200;
  });
  expect(await send({ ...target, id: "here" }, "für Ana")).toBe("sent");
  expect(await send({ ...target, id: "gone" }, "für Eva")).toBe("gone");
  expect(posted).toEqual(["here für Ana", "gone für Eva"]);
  expect(seen).toEqual([]);
  end();
  expect(await send(target, "x")).toBe("sent");
  expect(seen).toHaveLength(1);
});

test("a frame that is throttled in this process is sent again over HTTP", async () => {
  const { target, seen } = await answering();
  const end = sendDirectly(target.endpoint, () => 429);
  expect(await send(target, "x")).toBe("sent");
  expect(seen.map(({ agent, body }) => [agent?.slice(0, 6), body])).toEqual([["aws-sd", "x"]]);
  end();
});
