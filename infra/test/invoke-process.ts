/** The child process of invoke.ts: loads a bundle and calls its handler for each message. */

import { pathToFileURL } from "node:url";
import { awsLambda, invokeStreaming, isStreaming } from "../../packages/gateway/rest/stream.ts";

const ahead = Number(process.env["CLOCK_AHEAD"] ?? 0); // ms
if (ahead > 0) {
  const now = Date.now.bind(Date);
  globalThis.Date = class extends Date {
    static override now = () => now() + ahead;
    constructor(value: string | number | Date = now() + ahead) {
      super(value);
    }
  } as DateConstructor;
}

Object.assign(globalThis, { awslambda: awsLambda });
const { handler } = (await import(pathToFileURL(process.argv[2] ?? "").href)) as {
  handler: (event: unknown) => Promise<unknown>;
};

/** The status and the text of a stream, once it has ended. */
async function readStream(event: unknown): Promise<{ status: number; text: string }> {
  let status = 0;
  let text = "";
  const limits = { timeoutMs: 30_000, idleTimeoutMs: 30_000 };
  await invokeStreaming(handler, "stream", event, limits, {
    head: (head) => ({ status } = head),
    async write(bytes) {
      text += bytes.toString();
    },
  });
  return { status, text };
}

const invoke = isStreaming(handler) ? readStream : handler;

process.on("message", ({ event }: { event: unknown }) => {
  invoke(event).then(
    (result) => process.send?.({ result }),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.send?.("ready");
