import type { ComponentChildren } from "preact";
import type { Scope } from "../catalog.ts";
import { connection, type Connection } from "../connection.ts";
import { href } from "../route.ts";
import { SignInButtons } from "../session/sign-in.tsx";
import { generation, hasScope, isStarting, session } from "../session.ts";

interface Props {
  scopes: readonly Scope[];
  children: (connection: Connection) => ComponentChildren;
}

/** Shows a page if the token has the scopes; otherwise shows which ones it lacks. */
export function RequireScopes({ scopes, children }: Props) {
  const open = connection.value;
  if (!open || !session.value) {
    return (
      <NoToken>
        <a href={href("session")}>Start a session</a> to see this page. <SignInButtons />
      </NoToken>
    );
  }
  const missing = scopes.filter((scope) => !hasScope(scope));
  if (missing.length > 0) {
    return (
      <Empty title="This token may not see this">
        It lacks <code>{missing.join(" ")}</code>. <a href={href("session")}>Get another token</a>.
      </Empty>
    );
  }
  return <div key={generation.value}>{children(open)}</div>;
}

/** What is shown without a session, unless the first one is on its way. */
export const NoToken = ({ children }: { children: ComponentChildren }) =>
  isStarting.value ? (
    <p class="starting faint">Starting a session…</p>
  ) : (
    <Empty title="No token">{children}</Empty>
  );

/** What a page or a list shows in place of its content. */
export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="strong">{title}</p>
      <p class="faint">{children}</p>
    </div>
  );
}
