import type { Answer } from "@stockwire/client/http";
import type { Topic } from "@stockwire/client/live";
import type { ComponentChildren } from "preact";
import type { Connection } from "../connection.ts";
import { single, useLiveRecords } from "../live-records.ts";
import { errorText } from "../notice.tsx";
import { Empty } from "../ui/require-scopes.tsx";

interface Props<T> {
  connection: Connection;
  topic: Topic;
  get: () => Promise<Answer<T>>;
  /** The title of an error. */
  failed: string;
  /** Shown in place of a record that was deleted. */
  deleted?: ComponentChildren;
  children: (record: T) => ComponentChildren;
}

/** Reads one record and shows it as it is now, or why it can't be read. */
export function LiveRecord<T extends { id: string; version: number }>(props: Props<T>) {
  const { connection, topic, get, failed, deleted, children } = props;
  const { records, ready, failure } = useLiveRecords(
    () => connection.live.collection<T>(topic, { load: single(get) }),
    topic,
  );
  const [record] = records.value;
  if (failure.value !== undefined) {
    return <Empty title={failed}>{errorText(failure.value)}</Empty>;
  }
  if (record) return <>{children(record)}</>;
  return ready.value ? <>{deleted}</> : <p class="faint">Reading…</p>;
}
