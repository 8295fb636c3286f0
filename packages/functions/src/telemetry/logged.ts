import type { Log } from "./log.ts";
import { redacted } from "./redact.ts";

/** Returns the handler of a Lambda with two lines at debug: its event and its answer, without secrets. */
export const logged =
  <Event, Answer>(log: Log, handler: (event: Event) => Promise<Answer>) =>
  async (event: Event): Promise<Answer> => {
    log.debug("event", () => ({ event: redacted(event) }));
    const answer = await handler(event);
    log.debug("answer", () => ({ answer: redacted(answer) }));
    return answer;
  };
