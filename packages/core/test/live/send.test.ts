/** Calls of `@connections` are sent, signed and repeated as the SDK's client does. */

import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { disconnect, isGone, send, sendDirectly } from "../../src/live/send.ts";
import { FAULTS } from "../support/fault.ts";
import { type Received, type Respond, type Server, startServer } from "../support/server.ts";
import { signedBySdk } from "../support/signed-by-sdk.ts";

/** The SDK makes clients for each; test:stress compares more. */
const SIGNATURES = Number(process.env["SIGNATURES"] ?? 60);

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.answer(accept);
  vi.stubEnv("AWS_REGION", region);
  setCredentials({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret" });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const region = "eu-west-1";
interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}
function setCredentials({ accessKeyId, secretAccessKey, sessionToken }: Credentials) {
  vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey);
  vi.stubEnv("AWS_SESSION_TOKEN", sessionToken);
}

const accept: Respond = (response) => response.end();
let stages = 0;
/** An endpoint that no other call has used. */
const newEndpoint = () => `${server.endpoint}/stage${++stages}`;

/** What is called, but for the stage. */
const sentBy = ({ method, url, headers, body }: Received) => {
  const { "content-type": type, "content-length": length } = headers;
  return { method, path: url.replace(/^\/\w+/, ""), type, length, body };
};

const sdkClient = (endpoint: string, credentials?: Credentials) =>
  new ApiGatewayManagementApiClient({
    endpoint,
    region,
    maxAttempts: 3,
    ...(credentials && { credentials }),
  });

test("requests are those of the SDK, and so are the signatures", async () => {
  const word = fc.stringMatching(/^[A-Za-z0-9/+]{1,60}$/);
  const caller = fc.record({
    accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/),
    secretAccessKey: word,
    sessionToken: fc.option(word, { nil: undefined }),
  });
  const id = fc.string({ minLength: 3, maxLength: 40 }); // not `.` or `..`
  const frame = fc.string({ unit: "binary", minLength: 1, maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(id, frame, caller, async (ConnectionId, Data, { sessionToken, ...keys }) => {
      const credentials = { ...keys, ...(sessionToken !== undefined && { sessionToken }) };
      const sdk = sdkClient(newEndpoint(), credentials);
      server.answer(accept);
      await sdk.send(new PostToConnectionCommand({ ConnectionId, Data }));
      await sdk.send(new DeleteConnectionCommand({ ConnectionId }));
      await sdk.send(new GetConnectionCommand({ ConnectionId }));
      const expected = server.received.map(sentBy);
      sdk.destroy();
      server.answer(accept);
      setCredentials(credentials);
      const target = { id: ConnectionId, endpoint: newEndpoint() };
      expect(await send(target, Data)).toBe("sent");
      expect(await disconnect(target)).toBe("sent");
      expect(await isGone(target)).toBe(false);
      expect(server.received.map(sentBy)).toEqual(expected);
      for (const sent of server.received) {
        const signature = await signedBySdk(sent, { region, service: "execute-api", credentials });
        expect(sent.headers.authorization).toBe(signature);
      }
    }),
    { numRuns: SIGNATURES },
  );
});

/** What core makes of a call of the SDK. */
const outcomeOf = (call: Promise<unknown>) =>
  call.then(
    () => "sent",
    (error: unknown) => ((error as Error).name === "GoneException" ? "gone" : "failed"),
  );

const WAYS = {
  post: {
    sdk: (to: ApiGatewayManagementApiClient) =>
      outcomeOf(to.send(new PostToConnectionCommand({ ConnectionId: "id", Data: "x" }))),
    own: (endpoint: string): Promise<unknown> => send({ id: "id", endpoint }, "x"),
  },
  delete: {
    sdk: (to: ApiGatewayManagementApiClient) =>
      outcomeOf(to.send(new DeleteConnectionCommand({ ConnectionId: "id" }))),
    own: (endpoint: string): Promise<unknown> => disconnect({ id: "id", endpoint }),
  },
  get: {
    sdk: async (to: ApiGatewayManagementApiClient) =>
      (await outcomeOf(to.send(new GetConnectionCommand({ ConnectionId: "id" })))) === "gone",
    own: (endpoint: string): Promise<unknown> => isGone({ id: "id", endpoint }),
  },
};

test.each(["once", "always"])(
  "a fault, %s, is the same outcome after as many attempts",
  async (when) => {
    vi.spyOn(Math, "random").mockReturnValue(0.01); // short waits
    const failed = new Set<string>();
    server.answer((response, received) => {
      const [, number = "", key = ""] = received.url.split("/");
      const isFirst = !failed.has(number + key);
      failed.add(number + key);
      const fault = Object.values(FAULTS)[Number(number)];
      return (fault && (isFirst || when === "always") ? fault : accept)(response, received);
    });
    const attemptsAt = (path: string) =>
      server.received.filter(({ url }) => url.startsWith(path)).length;
    const tried = Object.keys(FAULTS).flatMap((fault, number) =>
      Object.entries(WAYS).map(async ([way, { sdk, own }]) => {
        const [first, second] = [`/${number}/${way}-sdk`, `/${number}/${way}-own`];
        const client = sdkClient(`${server.endpoint}${first}`);
        const ends = [await sdk(client), await own(`${server.endpoint}${second}`)];
        client.destroy();
        const attempts = [attemptsAt(first), attemptsAt(second)];
        return [0, 1].map((n) => ({ fault, way, end: ends[n], attempts: attempts[n] }));
      }),
    );
    const all = await Promise.all(tried);
    expect(all.map(([, own]) => own)).toEqual(all.map(([sdk]) => sdk));
    const { length: attempts } = when === "once" ? [1, 2] : [1, 2, 3];
    const end = when === "once" ? "sent" : "failed";
    expect(all.flat()).toContainEqual({ fault: "an internal error", way: "post", end, attempts });
    const fault = "the connection is gone";
    expect(all.flat()).toContainEqual({ fault, way: "post", end: "gone", attempts: 1 });
  },
);

test("410 means that the connection is gone, whatever its error is called", async () => {
  server.answer((response) => response.writeHead(410).end());
  const target = { id: "Ab_-1=", endpoint: newEndpoint() };
  expect(await send(target, "x")).toBe("gone");
  expect(await disconnect(target)).toBe("gone");
  expect(await isGone(target)).toBe(true);
  expect(server.received).toHaveLength(3);
});

test("a connection whose gateway does not run any more is gone", async () => {
  const target = { id: "id", endpoint: "http://127.0.0.1:1/live" };
  expect(await isGone(target)).toBe(true);
  expect(await send(target, "x")).toBe("failed");
});

test("without credentials a call is not signed", async () => {
  setCredentials({ accessKeyId: "", secretAccessKey: "" });
  expect(await send({ id: "id", endpoint: newEndpoint() }, "x")).toBe("sent");
  expect(server.received[0]?.headers.authorization).toBeUndefined();
});

test("frames to an endpoint in this process are handed over without a request", async () => {
  const endpoint = newEndpoint();
  const posted: string[] = [];
  const statusOf = new Map([["gone", 410]]);
  const end = sendDirectly(endpoint, (id, frame) => {
    posted.push(`${id} ${frame.toString()}`);
    return statusOf.get(id) ?? 200;
  });
  expect(await send({ id: "here", endpoint }, "für Ana")).toBe("sent");
  expect(await send({ id: "gone", endpoint }, "für Eva")).toBe("gone");
  expect(posted).toEqual(["here für Ana", "gone für Eva"]);
  expect(server.received).toEqual([]);
  end();
  expect(await send({ id: "here", endpoint }, "x")).toBe("sent");
  expect(server.received).toHaveLength(1);
});

test("a frame that is throttled in this process is sent again over HTTP", async () => {
  const endpoint = newEndpoint();
  const end = sendDirectly(endpoint, () => 429);
  expect(await send({ id: "id", endpoint }, "x")).toBe("sent");
  expect(server.received.map(({ body }) => body)).toEqual(["x"]);
  end();
});
