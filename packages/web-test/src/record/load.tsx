import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { errorText } from "../notice.tsx";
import { Empty } from "../ui/require-scopes.tsx";

interface Props<T> {
  load: () => Promise<T>;
  children: (record: T) => ComponentChildren;
}

/** Fetches a record once and shows it, or the error. */
export function Loaded<T>({ load, children }: Props<T>) {
  const loaded = useSignal<{ record: T }>();
  const failure = useSignal<string>();
  useEffect(() => {
    load().then(
      (record) => (loaded.value = { record }),
      (error: unknown) => (failure.value = errorText(error)),
    );
  }, []);
  if (failure.value) return <Empty title="The record can't be read">{failure.value}</Empty>;
  return loaded.value ? <>{children(loaded.value.record)}</> : <p class="faint">Reading…</p>;
}
