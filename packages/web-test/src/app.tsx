/** The frame of the console: header, navigation and the page that the route names. */

import { useEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { ChangesPage } from "./change/page.tsx";
import { HistoryPage } from "./change/history.tsx";
import { ChannelsPage } from "./channel/page.tsx";
import { status } from "./connection.ts";
import { LimitsPage } from "./limit/page.tsx";
import { FEEDS } from "./catalog.ts";
import { ItemsPage } from "./record/item.tsx";
import { UsersPage } from "./record/user.tsx";
import { href, route } from "./route.ts";
import { SessionPage } from "./session/page.tsx";
import { StockPage } from "./stock/page.tsx";
import { Notices } from "./notice.tsx";
import { target } from "./session.ts";
import { Boundary } from "./ui/boundary.tsx";
import { Empty } from "./ui/require-scopes.tsx";
import { ThemeSwitch } from "./ui/theme.tsx";

/** `show` gets the parts of the route after the page's name. At most `depth` of them are known. */
interface Page {
  title: string;
  about: string;
  depth?: number;
  show: (path: readonly string[]) => ComponentChildren;
}

const PAGES: Readonly<Record<string, Page>> = {
  stock: {
    title: "Stock",
    about:
      "The current stock of each product. Try to sell the last one in two windows at the same time.",
    show: () => <StockPage />,
  },
  changes: {
    title: "Changes",
    about: "Each committed change, once, numbered in its feed without gaps.",
    show: () => <ChangesPage />,
  },
  users: {
    title: "Users",
    about:
      "An email address belongs to one user only, even if several requests ask for it in the same moment.",
    depth: 1,
    show: ([id]) => <UsersPage id={id} />,
  },
  items: {
    title: "Items",
    about: "Any JSON object.",
    depth: 1,
    show: ([id]) => <ItemsPage id={id} />,
  },
  channels: {
    title: "Channels",
    about: "A message is shown in every window that has joined the channel.",
    show: () => <ChannelsPage />,
  },
  limits: {
    title: "Limits",
    about: "What the server refuses, with its answers unchanged.",
    show: () => <LimitsPage />,
  },
  session: {
    title: "Session",
    about: "The token that this page uses, and what it permits.",
    show: () => <SessionPage />,
  },
};

const HISTORY: Page = {
  title: "History",
  about: "Every version of one record, and who made it.",
  show: ([feed, id]) => {
    const known = FEEDS.find((name) => name === feed);
    return known && id ? <HistoryPage feed={known} id={id} /> : undefined;
  },
};

const NOT_FOUND: Page = {
  title: "Not found",
  about: "This address names no page of the console.",
  show: () => (
    <Empty title="No such page">
      <code>{location.hash}</code> — <a href={href("stock")}>go to Stock</a>.
    </Empty>
  ),
};

/** The page of a route; NOT_FOUND for one that is malformed or has an unknown part. */
function pageOf([name = "stock", ...path]: readonly string[]): Page {
  const isHistory = name === "history" && path.length === 2;
  if (isHistory) return FEEDS.some((feed) => feed === path[0]) ? HISTORY : NOT_FOUND;
  const page = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined;
  return page && path.length <= (page.depth ?? 0) ? page : NOT_FOUND;
}

const TABS = Object.entries(PAGES);

export function App() {
  const [, ...path] = route.value ?? [];
  const page = route.value ? pageOf(route.value) : NOT_FOUND;
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(page);
  useEffect(() => {
    document.title = `${page.title} · Stockwire`;
    if (shown.current !== page) heading.current?.focus();
    shown.current = page;
  }, [page]);

  return (
    <>
      <header class="top">
        <a class="brand" href={href("stock")}>
          <svg viewBox="0 0 8 8" aria-hidden="true">
            <path d="M0 5h2V2h4v3h2v3H0z" />
          </svg>
          Stockwire
        </a>
        <nav aria-label="Pages">
          {TABS.map(([key, { title }]) => (
            <a key={key} href={href(key)} aria-current={page === PAGES[key] ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <span class="top-end">
          <ConnectionStatus />
          <ThemeSwitch />
        </span>
      </header>
      <main>
        <div class="title">
          <h1 ref={heading} tabIndex={-1}>
            {page.title}
          </h1>
          <p class="faint">{page.about}</p>
        </div>
        <Boundary key={location.hash}>{page.show(path)}</Boundary>
      </main>
      <Notices />
    </>
  );
}

const STATUS = { offline: "Offline", connecting: "Connecting", live: "Live" };

function ConnectionStatus() {
  const server = target.isLaptop ? "this laptop" : new URL(target.api).host;
  return (
    <span class={`status ${status.value}`} role="status" title={server}>
      <span class="dot" aria-hidden="true" />
      {STATUS[status.value]}
      <span class="hidden"> with {server}</span>
    </span>
  );
}
