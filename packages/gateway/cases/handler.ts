/** The Lambda handlers of cases, made from their notation. They record the events that they get. */

import { setTimeout as sleep } from "node:timers/promises";
import { runInThisContext } from "node:vm";
import type { LambdaHandler } from "../lambda.ts";

/** The events that handlers received, oldest first. */
export interface Recorder {
  events: unknown[];
}

/**
 * Creates a function that turns a notation into a handler: `echo`, `const:…`, `throw`, `sleep:…`,
 * `counter` or `js:…`. All counters of one call count together. Throws for an unknown notation.
 */
export function createHandlers(): (notation: string, recorder: Recorder) => LambdaHandler {
  let counted = 0;
  const behaviour = (notation: string): ((event: unknown) => unknown) => {
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
        throw new Error(`unknown handler ${notation}`);
    }
  };
  return (notation, recorder) => {
    const run = behaviour(notation);
    return (event) => {
      recorder.events.push(event);
      return run(event);
    };
  };
}

function isFunction(value: unknown): value is (event: unknown) => unknown {
  return typeof value === "function";
}
