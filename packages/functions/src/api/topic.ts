import { parse, readScope, type Topic } from "@stockwire/core/changes/topic";
import { AppError } from "@stockwire/core/error";
import * as z from "zod";
import { type Caller, requireScope } from "./caller.ts";

/** Query parameters of the routes that read changes. */
export const TopicText = z.string().min(1).max(1024);
export const Since = z.string().min(1).max(2048).optional();

/**
 * Returns the topic of a text, if the caller may read it. Throws `invalid_parameter`,
 * `insufficient_scope`.
 */
export function readableTopic(caller: Caller, text: string): Topic {
  const topic = parse(text);
  if (topic === undefined) {
    throw new AppError("invalid_parameter", "Not a topic", {
      errors: [{ parameter: "topic", code: "invalid_value", detail: "Not a topic" }],
    });
  }
  requireScope(caller, readScope(topic.feed));
  return topic;
}
