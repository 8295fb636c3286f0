import { setTimeout as sleep } from "node:timers/promises";
import { runInThisContext } from "node:vm";
import type { LambdaHandler } from "../lambda.ts";

/** What handlers of one case saw; reset before each step. */
export interface Witness {
  events: unknown[];
}

/** Makes handlers out of the notation `echo`, `const:…`, `throw`, `sleep:…`, `counter`, `js:…`. */
export function createHandlers(): (notation: string, witness: Witness) => LambdaHandler {
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
  return (notation, witness) => {
    const run = behaviour(notation);
    return (event) => {
      witness.events.push(event);
      return run(event);
    };
  };
}

function isFunction(value: unknown): value is (event: unknown) => unknown {
  return typeof value === "function";
}
