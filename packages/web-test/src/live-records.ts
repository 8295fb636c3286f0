/** The records of a live collection as a signal for a component. */

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { type Answer, MissingCursorError, type Snapshot, unwrap } from "@stockwire/client/http";
import type { Collection } from "@stockwire/client/live";
import { useEffect } from "preact/hooks";
import { oncePerFrame } from "./animation-frame.ts";

export interface LiveRecords<T> {
  records: ReadonlySignal<readonly T[]>;
  /** True once the list is read and up to date. */
  ready: ReadonlySignal<boolean>;
  /** The error if the list can't be read. */
  failure: ReadonlySignal<unknown>;
}

/** Opens a collection while the component is mounted; again if `key` changes. */
export function useLiveRecords<T extends { id: string; version: number }>(
  open: () => Collection<T>,
  key: string,
): LiveRecords<T> {
  const records = useSignal<readonly T[]>([]);
  const ready = useSignal(false);
  const failure = useSignal<unknown>();
  useEffect(() => {
    const collection = open();
    let isOpen = true;
    const draw = oncePerFrame(() => {
      if (isOpen) records.value = [...collection.values()];
    });
    collection.onChange(draw);
    const onReady = () => {
      if (!isOpen) return;
      records.value = [...collection.values()];
      ready.value = true;
    };
    const onFailure = (error: unknown) => {
      if (isOpen) failure.value = error;
    };
    collection.ready.then(onReady, onFailure);
    return () => {
      isOpen = false;
      collection.close();
    };
  }, [key]);
  return { records, ready, failure };
}

/** The `load` of a collection of one record, such as that of the topic `products/{id}`. */
export const single =
  <T>(get: () => Promise<Answer<T>>) =>
  async (): Promise<Snapshot<T>> => {
    const answer = await get();
    const cursor = answer.headers.get("Feed-Cursor");
    const record = await unwrap(answer);
    if (cursor === null) throw new MissingCursorError("the record has no Feed-Cursor");
    return { records: [record], cursor };
  };
