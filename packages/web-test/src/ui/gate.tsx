import type { ComponentChildren } from "preact";
import { connection, type Connection } from "../connection.ts";
import { href } from "../route.ts";
import { generation, may, type Scope, session } from "../session.ts";

interface Props {
  needs: readonly Scope[];
  children: (connection: Connection) => ComponentChildren;
}

/** Shows a page to a token that may see it, and says to any other what it lacks. */
export function Gate({ needs, children }: Props) {
  const open = connection.value;
  const held = session.value;
  if (!open || !held) {
    return (
      <Empty title="No token">
        <a href={href("session")}>Begin a session</a> to see this page.
      </Empty>
    );
  }
  const missing = needs.filter((scope) => !may(scope));
  if (missing.length > 0) {
    return (
      <Empty title="This token may not see this">
        It lacks <code>{missing.join(" ")}</code>. <a href={href("session")}>Get another token</a>.
      </Empty>
    );
  }
  return <div key={generation.value}>{children(open)}</div>;
}

export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="strong">{title}</p>
      <p class="faint">{children}</p>
    </div>
  );
}
