/** Ends a command whose output is not read any more, as in `npm run -s watch | head -1`. */

import { codeOf } from "./error.ts";

/**
 * Calls `end` when the reader of standard output has gone. Without it the next write would end the
 * process with a stack trace. Other errors of standard output stay errors.
 */
export function onClosedPipe(end: () => void): void {
  process.stdout.on("error", (error) => {
    if (codeOf(error) !== "EPIPE") throw error;
    end();
  });
}
