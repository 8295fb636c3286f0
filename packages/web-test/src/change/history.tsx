import { type Client, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { moment } from "../format.ts";
import { wordsOf } from "../notice.ts";
import type { Change, Feed } from "../record/kind.ts";
import { READ } from "../record/kind.ts";
import { Action } from "../ui/action.tsx";
import { Empty, Gate } from "../ui/gate.tsx";
import { Difference } from "./row.tsx";

type Told = Omit<Change, "cursor">;

const PAGE = "20";

function fetchPage(http: Client, feed: Feed, id: string, nextToken: string | undefined) {
  const query = { limit: PAGE, ...(nextToken && { nextToken }) };
  if (feed === "inventory") {
    return unwrap(http.inventory[":productId"].history.$get({ param: { productId: id }, query }));
  }
  return unwrap(http[feed][":id"].history.$get({ param: { id }, query }));
}

export const HistoryPage = ({ feed, id }: { feed: Feed; id: string }) => (
  <Gate needs={[READ[feed], "read:history"]}>
    {(connection) => <History key={id} connection={connection} feed={feed} id={id} />}
  </Gate>
);

interface Props {
  connection: Connection;
  feed: Feed;
  id: string;
}

/** What happened to one record, newest first; what happens now comes on top. */
function History({ connection: { http, live }, feed, id }: Props) {
  const entries = useSignal<readonly Told[]>([]);
  const next = useSignal<string | null>(null);
  const failure = useSignal<string>();

  const load = async (token?: string) => {
    try {
      const { items, nextToken } = await fetchPage(http, feed, id, token);
      entries.value = merged([...entries.value, ...(items as Told[])]);
      next.value = nextToken;
    } catch (error) {
      failure.value = wordsOf(error);
    }
  };
  useEffect(() => {
    const { close } = live.subscribe(`${feed}/${id}`, {
      event: (change) => (entries.value = merged([change, ...entries.value])),
    });
    void load();
    return close;
  }, [feed, id]);

  return (
    <>
      <p class="faint record-id">
        {feed} <code>{id}</code>
      </p>
      {failure.value && <Empty title="No history">{failure.value}</Empty>}
      <ol class="timeline" aria-label="History">
        {entries.value.map((entry) => (
          <li key={entry.version} class={`op-${entry.op}`}>
            <p>
              <span class={`op op-${entry.op}`}>{entry.op}</span> version {entry.version} by{" "}
              <b>{entry.actor}</b>
            </p>
            <p class="difference">
              <Difference change={entry} />
            </p>
            <p class="faint">
              <time dateTime={entry.at}>{moment(entry.at)}</time> · request{" "}
              <code>{entry.requestId}</code>
            </p>
          </li>
        ))}
      </ol>
      {next.value && <Action onPress={() => void load(next.value ?? undefined)}>Older</Action>}
    </>
  );
}

const merged = (entries: readonly Told[]): Told[] =>
  [...new Map(entries.map((entry) => [entry.version, entry])).values()].toSorted(
    (a, b) => b.version - a.version,
  );
