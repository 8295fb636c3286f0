/** The items page: list and form. An item is edited as JSON and replaced as a whole (PUT). */

import { unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import { RESOURCES } from "../catalog.ts";
import type { Connection } from "../connection.ts";
import { brief, moment } from "../format.ts";
import { href } from "../route.ts";
import { Field } from "../ui/field.tsx";
import type { KeyHeader } from "../ui/press.ts";
import { RequireScopes } from "../ui/require-scopes.tsx";
import type { Members } from "./draft.ts";
import { ownMembers, RecordForm } from "./form.tsx";
import { RecordList } from "./list.tsx";
import { Loaded } from "./load.tsx";

type Http = Connection["http"];
type Item = Members & { id: string; version: number; updatedAt: string };

const getItem = async (http: Http, id: string): Promise<Item> =>
  unwrap(http.items[":id"].$get({ param: { id } }));

export const ItemsPage = ({ id }: { id: string | undefined }) => (
  <RequireScopes scopes={[RESOURCES.items.readScope]}>
    {(connection) => {
      if (id === undefined) return <Items connection={connection} />;
      if (id === "new") return <ItemForm connection={connection} item={undefined} />;
      return (
        <Loaded key={id} load={() => getItem(connection.http, id)}>
          {(item) => <ItemForm connection={connection} item={item} />}
        </Loaded>
      );
    }}
  </RequireScopes>
);

const Items = ({ connection }: { connection: Connection }) => (
  <RecordList<Item>
    connection={connection}
    feed="items"
    fetchPage={async (query) => {
      const { items, nextToken } = await unwrap(connection.http.items.$get({ query }));
      return { items: items as unknown as Item[], nextToken };
    }}
    columns={[
      { title: "Id", by: ({ id }) => id },
      { title: "Attributes" },
      { title: "Changed", size: "time", by: ({ updatedAt }) => updatedAt },
      { title: "Version", size: "small", by: ({ version }) => version },
    ]}
    cells={(item) => [
      <a href={href("items", item.id)}>{item.id}</a>,
      <code>{brief(ownMembers(item))}</code>,
      moment(item.updatedAt),
      <span class="num">{item.version}</span>,
    ]}
  />
);

const EXAMPLE = { type: "note", title: "Anything goes" };

/** Throws a SyntaxError unless the text is a JSON object. */
function parsed(text: string): Members {
  const value: unknown = JSON.parse(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new SyntaxError("An item is a JSON object");
}

const pretty = (members: Members) => JSON.stringify(members, null, 2);

function ItemForm({ connection, item }: { connection: Connection; item: Item | undefined }) {
  const { http } = connection;
  const id = useSignal("");
  const text = useSignal(pretty(item ? ownMembers(item) : EXAMPLE));

  const save = (json: Members, _base: Members, version: number | undefined, key: KeyHeader) => {
    type Json = Parameters<typeof http.items.$post>[0]["json"];
    const body = json as Json;
    if (!item && id.value === "") {
      return unwrap(http.items.$post({ json: body }, { headers: key }));
    }
    const param = { id: item?.id ?? id.value };
    const condition = item ? { "If-Match": `"${version}"` } : { "If-None-Match": "*" };
    const headers = { ...key, ...condition };
    return unwrap(http.items[":id"].$put({ param, json: body }, { headers }));
  };

  return (
    <RecordForm
      resource="items"
      record={item}
      names={["json"]}
      read={() => parsed(text.value)}
      write={(members) => (text.value = pretty(members))}
      save={save}
      reload={() => getItem(http, item?.id ?? "")}
      remove={(headers) => {
        const param = { id: item?.id ?? "" };
        return unwrap(http.items[":id"].$delete({ param }, { headers }));
      }}
    >
      {(problems) => (
        <>
          {item ? (
            <p>
              <code>{item.id}</code>
            </p>
          ) : (
            <Field
              label="Id"
              hint="Optional; the server makes one if it is empty"
              value={id.value}
              onInput={(value) => (id.value = value)}
            />
          )}
          <Field
            label="Attributes"
            lines={12}
            value={text.value}
            onInput={(value) => (text.value = value)}
            problems={problems["json"] ?? problems[""] ?? []}
          />
        </>
      )}
    </RecordForm>
  );
}
