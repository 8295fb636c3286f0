import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { wordsOf } from "../notice.ts";
import { href } from "../route.ts";
import { may } from "../session.ts";
import { Action } from "../ui/action.tsx";
import { Empty } from "../ui/gate.tsx";

interface Page<T> {
  items: readonly T[];
  nextToken: string | null;
}

interface Props<T> {
  connection: Connection;
  feed: "users" | "items";
  fetchPage: (query: { limit: string; nextToken?: string }) => Promise<Page<T>>;
  columns: readonly string[];
  cells: (record: T) => readonly ComponentChildren[];
}

const LIMIT = 10;
const SETTLED = 250; // ms

/** A paged list, newest first, that is read again when its feed says that something changed. */
export function RecordList<T extends { id: string }>(props: Props<T>) {
  const { connection, feed, fetchPage, columns, cells } = props;
  const page = useSignal<Page<T>>();
  const failure = useSignal<string>();
  const trail = useSignal<readonly string[]>([]); // tokens of the pages up to this one

  const load = async () => {
    const nextToken = trail.peek().at(-1);
    try {
      page.value = await fetchPage({ limit: String(LIMIT), ...(nextToken && { nextToken }) });
      failure.value = undefined;
    } catch (error) {
      failure.value = wordsOf(error);
    }
  };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const { close } = connection.live.subscribe(feed, {
      event() {
        clearTimeout(timer);
        timer = setTimeout(() => void load(), SETTLED);
      },
    });
    void load();
    return () => {
      clearTimeout(timer);
      close();
    };
  }, [connection]);

  const turn = (tokens: readonly string[]) => {
    trail.value = tokens;
    void load();
  };
  const next = page.value?.nextToken;
  const items = page.value?.items ?? [];

  return (
    <>
      <div class="bar">
        {may(`write:${feed}`) && (
          <a class="action primary" href={href(feed, "new")}>
            New
          </a>
        )}
        <span class="grow" />
        <span class="faint num">Page {trail.value.length + 1}</span>
        <Action off={trail.value.length === 0} onPress={() => turn(trail.value.slice(0, -1))}>
          Newer
        </Action>
        <Action off={!next} onPress={() => next && turn([...trail.value, next])}>
          Older
        </Action>
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
                {cells(record).map((cell, at) => (
                  <td key={columns[at]} class="clip">
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
