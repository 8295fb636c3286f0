import { AppError } from "@stockwire/core/error";
import { createMiddleware } from "hono/factory";
import type { Context } from "hono";
import type { Env } from "../env.ts";

/**
 * Answers 503 after `ms`, before the gateway would (29–30 s). The work continues, but its answer is
 * discarded; `onError` has logged what it throws.
 */
export const deadline = (ms: number, answer: (c: Context<Env>, error: AppError) => Response) =>
  createMiddleware<Env>(async (c, next) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(resolve, ms, "late");
    });
    const work = next();
    try {
      if ((await Promise.race([work, late])) !== "late") return;
      work.catch(() => undefined);
      c.res = answer(c, new AppError("unavailable", "This took too long; try again"));
    } finally {
      clearTimeout(timer);
    }
  });
