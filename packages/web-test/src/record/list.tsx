import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { type Feed, RESOURCES } from "../catalog.ts";
import type { Connection } from "../connection.ts";
import { errorText } from "../notice.tsx";
import { href } from "../route.ts";
import { hasScope } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { Empty } from "../ui/require-scopes.tsx";

interface Page<T> {
  items: readonly T[];
  nextToken: string | null;
}

interface Props<T> {
  connection: Connection;
  feed: Feed;
  fetchPage: (query: { limit: string; nextToken?: string }) => Promise<Page<T>>;
  columns: readonly string[];
  cells: (record: T) => readonly ComponentChildren[];
}

const LIMIT = 10; // rows
const RELOAD_AFTER = 250; // ms, so that a burst of changes reloads once

/** A paged list, newest first. The page on screen is read again after a change of the feed. */
export function RecordList<T extends { id: string }>(props: Props<T>) {
  const { connection, feed, fetchPage, columns, cells } = props;
  const page = useSignal<Page<T>>();
  const failure = useSignal<string>();
  const tokens = useSignal<readonly string[]>([]); // page tokens, up to that of this page

  const load = async () => {
    const nextToken = tokens.peek().at(-1);
    try {
      page.value = await fetchPage({ limit: String(LIMIT), ...(nextToken && { nextToken }) });
      failure.value = undefined;
    } catch (error) {
      failure.value = errorText(error);
    }
  };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const { close } = connection.live.subscribe(feed, {
      event() {
        clearTimeout(timer);
        timer = setTimeout(() => void load(), RELOAD_AFTER);
      },
    });
    void load();
    return () => {
      clearTimeout(timer);
      close();
    };
  }, [connection]);

  const turnTo = (path: readonly string[]) => {
    tokens.value = path;
    void load();
  };
  const next = page.value?.nextToken;
  const items = page.value?.items ?? [];

  return (
    <>
      <div class="bar">
        {hasScope(RESOURCES[feed].writeScope) && (
          <a class="button primary" href={href(feed, "new")}>
            New
          </a>
        )}
        <span class="grow" />
        <span class="faint num">Page {tokens.value.length + 1}</span>
        <Button
          disabled={tokens.value.length === 0}
          onClick={() => turnTo(tokens.value.slice(0, -1))}
        >
          Newer
        </Button>
        <Button disabled={!next} onClick={() => next && turnTo([...tokens.value, next])}>
          Older
        </Button>
      </div>
      {failure.value && <Empty title="The list can't be read">{failure.value}</Empty>}
      <div class="panel records-panel" tabIndex={0} role="region" aria-label={`List of ${feed}`}>
        <table class="records" aria-busy={!page.value}>
          <thead>
            <tr>
              {columns.map((title) => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {items.map((record) => (
              <tr key={record.id}>
                {cells(record).map((cell, index) => (
                  <td key={columns[index]} class="clip">
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {page.value && items.length === 0 && <Empty title="Nothing here">Create one.</Empty>}
      </div>
    </>
  );
}
