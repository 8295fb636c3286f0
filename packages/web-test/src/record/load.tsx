import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { wordsOf } from "../notice.ts";
import { Empty } from "../ui/gate.tsx";

interface Props<T> {
  load: () => Promise<T>;
  children: (record: T) => ComponentChildren;
}

/** Fetches something once, then shows it. */
export function Loaded<T>({ load, children }: Props<T>) {
  const found = useSignal<{ record: T }>();
  const failure = useSignal<string>();
  useEffect(() => {
    load().then(
      (record) => (found.value = { record }),
      (error: unknown) => (failure.value = wordsOf(error)),
    );
  }, []);
  if (failure.value) return <Empty title="It can't be read">{failure.value}</Empty>;
  return found.value ? <>{children(found.value.record)}</> : <p class="faint">Reading…</p>;
}
