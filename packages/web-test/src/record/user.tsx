/** The users page: list and form. An edit sends the changed members only (PATCH). */

import { type Client, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import { RESOURCES } from "../catalog.ts";
import type { Connection } from "../connection.ts";
import { moment } from "../format.ts";
import { href } from "../route.ts";
import { Field } from "../ui/field.tsx";
import type { KeyHeader } from "../ui/press.ts";
import { RequireScopes } from "../ui/require-scopes.tsx";
import { type Members, RecordForm } from "./form.tsx";
import { RecordList } from "./list.tsx";
import { Loaded } from "./load.tsx";

const getUser = (http: Client, id: string) => unwrap(http.users[":id"].$get({ param: { id } }));
type User = Awaited<ReturnType<typeof getUser>>;

const NAMES = ["name", "email", "phone", "age", "status"] as const;
type Draft = Record<(typeof NAMES)[number], string>;

export const UsersPage = ({ id }: { id: string | undefined }) => (
  <RequireScopes scopes={[RESOURCES.users.readScope]}>
    {(connection) => {
      if (id === undefined) return <Users connection={connection} />;
      if (id === "new") return <UserForm connection={connection} user={undefined} />;
      return (
        <Loaded key={id} load={() => getUser(connection.http, id)}>
          {(user) => <UserForm connection={connection} user={user} />}
        </Loaded>
      );
    }}
  </RequireScopes>
);

const Users = ({ connection }: { connection: Connection }) => (
  <RecordList<User>
    connection={connection}
    feed="users"
    fetchPage={(query) => unwrap(connection.http.users.$get({ query }))}
    columns={[
      { title: "Name", by: ({ name }) => name },
      { title: "Email", by: ({ email }) => email },
      { title: "Status", by: ({ status }) => status },
      { title: "Changed", by: ({ updatedAt }) => updatedAt },
      { title: "Version", by: ({ version }) => version },
    ]}
    cells={(user) => [
      <a href={href("users", user.id)}>{user.name}</a>,
      user.email,
      user.status,
      moment(user.updatedAt),
      <span class="num">{user.version}</span>,
    ]}
  />
);

/** All fields as text, with the defaults of a new user. */
const draftOf = (members: Members): Draft => {
  const text = (name: string) => {
    const value = members[name];
    return typeof value === "number" || typeof value === "string" ? String(value) : "";
  };
  const [name, email, phone, age] = ["name", "email", "phone", "age"].map(text);
  return {
    name: name ?? "",
    email: email ?? "",
    phone: phone ?? "",
    age: age ?? "",
    status: text("status") || "active",
  };
};

/** Leaves empty members out. An age that is not a number is sent as text, for the server to refuse. */
const membersOf = ({ name, email, phone, age, status }: Draft): Members => ({
  name,
  email,
  ...(phone !== "" && { phone }),
  ...(age !== "" && { age: Number.isNaN(Number(age)) ? age : Number(age) }),
  status,
});

function UserForm({ connection, user }: { connection: Connection; user: User | undefined }) {
  const { http } = connection;
  const draft = useSignal(draftOf(user ?? {}));
  const set = (name: keyof Draft) => (value: string) =>
    void (draft.value = { ...draft.value, [name]: value });

  const save = (members: Members, base: Members, version: number | undefined, key: KeyHeader) => {
    type Create = Parameters<typeof http.users.$post>[0]["json"];
    type Patch = Parameters<(typeof http.users)[":id"]["$patch"]>[0]["json"];
    if (!user) return unwrap(http.users.$post({ json: members as Create }, { headers: key }));
    const changed = NAMES.filter((name) => members[name] !== base[name]);
    const json = Object.fromEntries(changed.map((name) => [name, members[name] ?? null])) as Patch;
    const headers = { ...key, "If-Match": `"${version}"` };
    return unwrap(http.users[":id"].$patch({ param: { id: user.id }, json }, { headers }));
  };

  return (
    <RecordForm
      resource="users"
      record={user}
      names={NAMES}
      read={() => membersOf(draft.value)}
      write={(members) => (draft.value = draftOf(members))}
      save={save}
      reload={() => getUser(http, user?.id ?? "")}
      remove={(headers) => {
        const param = { id: user?.id ?? "" };
        return unwrap(http.users[":id"].$delete({ param }, { headers }));
      }}
    >
      {(problems) => {
        const field = (name: keyof Draft, label: string, rest: object = {}) => (
          <Field
            label={label}
            value={draft.value[name]}
            onInput={set(name)}
            problems={problems[name] ?? []}
            {...rest}
          />
        );
        return (
          <>
            {field("name", "Name", { required: true })}
            {field("email", "Email", { required: true, hint: "Unique" })}
            {field("phone", "Phone", { hint: "Ten digits" })}
            {field("age", "Age", { hint: "18 to 120" })}
            {field("status", "Status", { options: ["active", "disabled"] })}
          </>
        );
      }}
    </RecordForm>
  );
}
