/** The Lambda handlers of cases, made from their notation. They record the events that they get. */

import { setTimeout as sleep } from "node:timers/promises";
import { runInThisContext } from "node:vm";
import type { LambdaHandler } from "../lambda.ts";
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

function isFunction(value: unknown): value is (event: unknown, context: unknown) => unknown {
  return typeof value === "function";
}
