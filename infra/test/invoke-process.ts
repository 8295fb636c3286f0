/** The child process of invoke.ts: loads a bundle and calls its handler for each message. */

import { pathToFileURL } from "node:url";

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

const { handler } = (await import(pathToFileURL(process.argv[2] ?? "").href)) as {
  handler: (event: unknown) => Promise<unknown>;
};

process.on("message", ({ event }: { event: unknown }) => {
  handler(event).then(
    (result) => process.send?.({ result }),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.send?.("ready");
