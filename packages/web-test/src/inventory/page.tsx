/** The inventory: what is out or low first, reorder points, and counts. */

import { type Inventory, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import type { Connection } from "../connection.ts";
import { count } from "../format.ts";
import { RecordList } from "../record/list.tsx";
import { productName } from "../reservation/name.ts";
import { href, parameters, setParameters } from "../route.ts";
import { hasScope } from "../session.ts";
import { LevelBadge } from "../ui/level.tsx";
import { Empty, RequireScopes } from "../ui/require-scopes.tsx";
import { Select } from "../ui/select.tsx";
import { CountPage } from "./count.tsx";
import { Reorder } from "./form.tsx";
import { pageOfShort } from "./short.ts";

export function InventoryPage({ part }: { part: string | undefined }) {
  if (part !== undefined && part !== "count") {
    return <Empty title="No such page">The inventory has no page {part}.</Empty>;
  }
  const scopes = part === "count" ? (["read:products", "write:inventory"] as const) : [];
  return (
    <RequireScopes scopes={["read:inventory", ...scopes]}>
      {(connection) =>
        part === "count" ? (
          <CountPage connection={connection} />
        ) : (
          <LevelList connection={connection} />
        )
      }
    </RequireScopes>
  );
}

const LEVELS = { short: "Out and low", out: "Out", low: "Low", all: "All" } as const;
type Shown = keyof typeof LEVELS;
const isShown = (text: string | null): text is Shown =>
  text !== null && Object.hasOwn(LEVELS, text);

function LevelList({ connection }: { connection: Connection }) {
  const { http } = connection;
  const given = parameters().get("level");
  const shown = useSignal<Shown>(isShown(given) ? given : "short");
  const choose = (level: Shown) => {
    shown.value = level;
    setParameters({ level: level === "short" ? "" : level });
  };
  return (
    <RecordList<Inventory>
      connection={connection}
      feed="inventory"
      filter={shown.value}
      hasNew={false}
      hasOrder={shown.value === "all"}
      filters={
        <>
          {hasScope("write:inventory") && (
            <a class="button primary" href={href("inventory", "count")}>
              Count
            </a>
          )}
          <Select label="Level" value={shown.value} options={LEVELS} onSelect={choose} />
        </>
      }
      fetchPage={(query) => {
        const list = (of: object) => unwrap(http.inventory.$get({ query: of }));
        if (shown.value === "short") return pageOfShort(list, Number(query.limit), query.nextToken);
        return list({ ...query, ...(shown.value !== "all" && { level: shown.value }) });
      }}
      columns={[
        { title: "Product" },
        { title: "Level", by: ({ available }) => available },
        { title: "Available", num: true, by: ({ available }) => available },
        { title: "Reserved", num: true, by: ({ reserved }) => reserved },
        { title: "On hand", num: true, by: ({ quantity }) => quantity },
        { title: "Reorder point", size: "form", by: ({ reorderPoint }) => reorderPoint },
      ]}
      cells={(level) => [
        <a href={href("products", level.id)}>
          <Name connection={connection} id={level.id} />
        </a>,
        <LevelBadge level={level.level} />,
        count(level.available),
        count(level.reserved),
        count(level.quantity),
        <Reorder
          key={level.reorderPoint}
          id={level.id}
          level={level}
          connection={connection}
          label={`Reorder point of ${level.id}`}
        />,
      ]}
    />
  );
}

const Name = ({ connection, id }: { connection: Connection; id: string }) => (
  <>{productName(connection.http, id).value}</>
);
