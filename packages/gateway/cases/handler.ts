/** The Lambda handlers of cases, made from their notation. They record the events that they get. */

import { setTimeout as sleep } from "node:timers/promises";
import { runInThisContext } from "node:vm";
import type { Writable } from "node:stream";
import type { LambdaHandler } from "../lambda.ts";
import { type StreamingHandler, awsLambda } from "../rest/stream.ts";
import { NotRun } from "./case.ts";

/** The events that handlers received and what they made of them, oldest first. */
export interface Recorder {
  events: unknown[];
  /** Results, or `{"error": message}` for a handler that threw. In the order in which they ended. */
  results: unknown[];
}

/** An empty recorder. */
export const createRecorder = (): Recorder => ({ events: [], results: [] });

/**
 * Creates a function that turns a notation into a handler: `echo`, `const:…`, `throw`, `sleep:…`,
 * `counter` or `js:…`. All counters of one call count together. The context of a `js` handler also has
 * the members `extra`. Throws `NotRun` for an unknown notation.
 */
export function createHandlers(
  extra: object = {},
): (notation: string, recorder: Recorder) => LambdaHandler {
  let counted = 0;
  const behaviour = (notation: string): ((event: unknown, context: unknown) => unknown) => {
    const colon = notation.indexOf(":");
    const kind = colon < 0 ? notation : notation.slice(0, colon);
    const argument = notation.slice(colon + 1);
    switch (kind) {
      case "echo":
        return (event) => ({
          statusCode: 200,
          headers: { "content-type": "application/json" },
          body: JSON.stringify(event),
        });
      case "const": {
        const value: unknown = JSON.parse(argument);
        return () => value;
      }
      case "throw":
        return () => {
          throw new Error("thrown by the case");
        };
      case "sleep":
        return () => sleep(Number(argument), { statusCode: 200 }, { ref: false });
      case "counter":
        return () => ({ statusCode: 200, body: String(++counted) });
      case "js": {
        const value: unknown = runInThisContext(`(${argument})`);
        if (isFunction(value)) return value;
        throw new Error(`${notation} is not a function`);
      }
      default:
        throw new NotRun(`${notation} is not a known handler`);
    }
  };
  return (notation, recorder) => {
    const run = behaviour(notation);
    return async (event, context) => {
      recorder.events.push(event);
      try {
        const result = await run(event, { ...context, ...extra });
        recorder.results.push(result);
        return result;
      } catch (error) {
        recorder.results.push({ error: error instanceof Error ? error.message : String(error) });
        throw error;
      }
    };
  };
}

/** One step of a streaming handler. */
type StreamStep =
  | { meta: object }
  | { nul: number }
  | { text: string }
  | { base64: string }
  | { waitMs: number }
  | { throw: string };

/**
 * Creates a streaming handler from the notation `stream:[…]`, which writes raw bytes; undefined for
 * another notation.
 */
export function createStreamingHandler(
  notation: string,
  recorder: Recorder,
): StreamingHandler | undefined {
  if (!notation.startsWith("stream:")) return undefined;
  const steps = JSON.parse(notation.slice("stream:".length)) as StreamStep[];
  return awsLambda.streamifyResponse(async (event, stream: Writable) => {
    recorder.events.push(event);
    for (const step of steps) {
      if ("waitMs" in step) await sleep(step.waitMs, undefined, { ref: false });
      else if ("throw" in step) throw new Error(step.throw);
      else stream.write(bytesOf(step));
    }
    stream.end();
  });
}

function bytesOf(step: Exclude<StreamStep, { waitMs: number } | { throw: string }>): Buffer {
  if ("meta" in step) return Buffer.from(JSON.stringify(step.meta));
  if ("nul" in step) return Buffer.alloc(step.nul);
  if ("text" in step) return Buffer.from(step.text);
  if ("base64" in step) return Buffer.from(step.base64, "base64");
  throw new NotRun(`${JSON.stringify(step)} is not a known step of a stream`);
}

function isFunction(value: unknown): value is (event: unknown, context: unknown) => unknown {
  return typeof value === "function";
}
