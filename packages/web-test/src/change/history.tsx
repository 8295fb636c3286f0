import { type Client, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { moment } from "../format.ts";
import { follow } from "../follow.ts";
import { errorText } from "../notice.tsx";
import { type Change, type Feed, RESOURCES } from "../catalog.ts";
import { Button } from "../ui/button.tsx";
import { Empty, RequireScopes } from "../ui/require-scopes.tsx";
import { Difference } from "./row.tsx";

/** A change as the history routes answer it. */
type PastChange = Omit<Change, "cursor">;

const PAGE = "20";

/** A page of a record's changes, newest first. */
export function fetchHistory(
  http: Client,
  feed: Feed,
  id: string,
  nextToken: string | undefined,
  limit = PAGE,
) {
  const query = { limit, ...(nextToken && { nextToken }) };
  if (feed === "inventory") {
    return unwrap(http.inventory[":productId"].history.$get({ param: { productId: id }, query }));
  }
  return unwrap(http[feed][":id"].history.$get({ param: { id }, query }));
}

export const HistoryPage = ({ feed, id }: { feed: Feed; id: string }) => (
  <RequireScopes scopes={[RESOURCES[feed].readScope, "read:history"]}>
    {(connection) => <History key={id} connection={connection} feed={feed} id={id} />}
  </RequireScopes>
);

interface Props {
  connection: Connection;
  feed: Feed;
  id: string;
}

/** The changes of one record, newest first; new changes are added while the page is open. */
export function History({ connection: { http, live }, feed, id }: Props) {
  const changes = useSignal<readonly PastChange[]>([]);
  const next = useSignal<string | null>(null);
  const failure = useSignal<string>();

  const load = async (token?: string) => {
    try {
      const { items, nextToken } = await fetchHistory(http, feed, id, token);
      changes.value = merged([...changes.value, ...(items as PastChange[])]);
      next.value = nextToken;
    } catch (error) {
      failure.value = errorText(error);
    }
  };
  useEffect(() => {
    return follow(live, `${feed}/${id}`, {
      event: (change) => (changes.value = merged([change, ...changes.value])),
      read: () => void load(),
    });
  }, [feed, id]);

  return (
    <>
      <p class="faint record-id">
        {feed} <code>{id}</code>
      </p>
      {failure.value && <Empty title="No history">{failure.value}</Empty>}
      <ol class="timeline" aria-label="History">
        {changes.value.map((change) => (
          <li key={change.version} class={`op-${change.op}`}>
            <p>
              <span class={`op op-${change.op}`}>{change.op}</span> version {change.version} by{" "}
              <b>{change.actor}</b>
            </p>
            <p class="difference">
              <Difference change={change} />
            </p>
            <p class="faint">
              <time dateTime={change.at}>{moment(change.at)}</time> · request{" "}
              <code>{change.requestId}</code>
            </p>
          </li>
        ))}
      </ol>
      {next.value && <Button onClick={() => void load(next.value ?? undefined)}>Older</Button>}
    </>
  );
}

/** Without duplicates: a page and the subscription may both bring a version. */
const merged = (changes: readonly PastChange[]): PastChange[] =>
  [...new Map(changes.map((change) => [change.version, change])).values()].toSorted(
    (a, b) => b.version - a.version,
  );
