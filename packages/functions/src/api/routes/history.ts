/** The history of a record: its changes, also after it was deleted, as long as they are kept. */

import { type Feed, resourceOf } from "@stockwire/core/catalog/index";
import { Change } from "@stockwire/core/changes/change";
import * as ChangeLog from "@stockwire/core/changes/log";
import { readScope } from "@stockwire/core/changes/topic";
import { lazy } from "@stockwire/core/lazy";
import { query } from "@stockwire/core/store/pagination";
import type { Context } from "hono";
import * as z from "zod";
import { page } from "../answer.ts";
import type { Env } from "../env.ts";
import { pageOf } from "../route.ts";

const Query = lazy(() => z.strictObject(query(20)));
const HistoryPage = pageOf(
  lazy(() => Change.unwrap().omit({ cursor: true })),
  "HistoryPage",
);

/** Describes the history route of a resource. */
export const historyOf = (feed: Feed) => ({
  summary: "List the changes of a record, newest first",
  access: readScope(feed),
  alsoNeeds: "read:history" as const,
  query: Query,
  answers: { 200: HistoryPage },
});

/** 200 with a page of changes. Throws the resource's not-found code if there never was a record. */
export async function answerHistory(
  c: Context<Env>,
  feed: Feed,
  id: string,
  list: z.output<typeof Query>,
) {
  const found = await ChangeLog.history(feed, id, list);
  if (found.items.length === 0) await resourceOf(feed).records.getStored(id);
  const items = found.items.map(({ was: _was, is: _is, ...change }) => change);
  return page(c, { items, nextToken: found.nextToken });
}
