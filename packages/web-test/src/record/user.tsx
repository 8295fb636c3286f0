/** The users page: list and form. */

import { type Client, unwrap } from "@stockwire/client/http";
import { RESOURCES } from "../catalog.ts";
import type { Connection } from "../connection.ts";
import { moment } from "../format.ts";
import { href } from "../route.ts";
import { RequireScopes } from "../ui/require-scopes.tsx";
import { type Draft, type Members, numberOf } from "./draft.ts";
import { DraftForm } from "./draft-form.tsx";
import { RecordList } from "./list.tsx";
import { Loaded } from "./load.tsx";

const getUser = (http: Client, id: string) => unwrap(http.users[":id"].$get({ param: { id } }));
type User = Awaited<ReturnType<typeof getUser>>;

const NAMES = ["name", "email", "phone", "age", "status"] as const;
type UserDraft = Draft<(typeof NAMES)[number]>;

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
      { title: "Changed", size: "time", by: ({ updatedAt }) => updatedAt },
      { title: "Version", size: "small", by: ({ version }) => version },
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

/** Leaves empty members out. */
const membersOf = ({ name, email, phone, age, status }: UserDraft): Members => ({
  name,
  email,
  ...(phone !== "" && { phone }),
  ...(age !== "" && { age: numberOf(age) }),
  status,
});

function UserForm({ connection, user }: { connection: Connection; user: User | undefined }) {
  const { http } = connection;
  const { $post: create } = http.users;
  const { $patch: patch, $delete: remove } = http.users[":id"];
  type Create = Parameters<typeof create>[0]["json"];
  return (
    <DraftForm
      resource="users"
      record={user}
      names={NAMES}
      defaults={{ status: "active" }}
      membersOf={membersOf}
      get={(id) => getUser(http, id)}
      create={(members, headers) => unwrap(create({ json: members as Create }, { headers }))}
      patch={(id, json, headers) => unwrap(patch({ param: { id }, json }, { headers }))}
      remove={(id, headers) => unwrap(remove({ param: { id } }, { headers }))}
    >
      {(field) => (
        <>
          {field("name", "Name", { required: true })}
          {field("email", "Email", { required: true, hint: "Unique" })}
          {field("phone", "Phone", { hint: "Ten digits" })}
          {field("age", "Age", { hint: "18 to 120" })}
          {field("status", "Status", { options: ["active", "disabled"] })}
        </>
      )}
    </DraftForm>
  );
}
