import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const MAIN = new URL("../../local/main.ts", import.meta.url).pathname;

/** Requests a month of plan `basic`: few, so that a test can use them up. */
const QUOTA = "400";

export interface Laptop {
  url: string;
  /** The API key of plan `basic` that the first start has created. */
  partnerKey: string;
  /** `kill -9`, as in a power failure. */
  kill: () => Promise<void>;
  /** Starts again with the same data on the same port. */
  restart: () => Promise<void>;
  close: () => Promise<void>;
}

/** Starts the program of `npm run dev` with an empty data folder, and waits until its console is built. */
export async function startLaptop(wantedPort = "0"): Promise<Laptop> {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-e2e-"));
  let port = wantedPort;
  let child: ChildProcess;
  let partnerKey = "";

  const start = async () => {
    const options = ["--port", port, "--data", folder, "--partner-quota", QUOTA];
    child = spawn(process.execPath, [MAIN, ...options], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, STOCKWIRE_DATA: undefined, PORT: undefined },
    });
    for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
      partnerKey = /^An API key:\s+(\S+)/.exec(line)?.[1] ?? partnerKey;
      const url = /^Stockwire is ready: (http:\S+)$/.exec(line)?.[1];
      if (url) {
        child.stdout?.resume();
        return url;
      }
    }
    throw new Error("the laptop ended before it was ready");
  };
  const end = async (signal: NodeJS.Signals) => {
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  };

  const url = await start();
  port = new URL(url).port;
  await waitForConsole(url);
  return {
    url,
    partnerKey,
    kill: () => end("SIGKILL"),
    async restart() {
      await start();
    },
    async close() {
      await end("SIGTERM");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function waitForConsole(url: string): Promise<void> {
  for (let tries = 0; tries < 120; tries++) {
    const page = await (await fetch(`${url}/console`)).text();
    if (page.includes('id="app"')) return;
    if (page.includes("be built")) throw new Error(page);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error("the console was not built in time");
}
