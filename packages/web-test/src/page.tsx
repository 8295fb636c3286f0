/**
 * The pages of the console. Each is loaded when it is first shown, so that a page pays for itself only.
 * The stock page, where the console opens, comes with the start.
 */

import type { ComponentChildren } from "preact";
import { FEEDS } from "./catalog.ts";
import { address, href } from "./route.ts";
import { StockPage } from "./stock/page.tsx";
import { Empty } from "./ui/require-scopes.tsx";

/** Draws a page. It gets the parts of the route after the page's name. */
export type Show = (path: readonly string[]) => ComponentChildren;

export type Page = {
  title: string;
  about: string;
  /** At most so many parts of a route after the page's name are known. */
  depth?: number;
} & (
  | { load: () => Promise<Show> }
  /** Of a page that comes with the start. */
  | { show: Show }
);

export const PAGES: Readonly<Record<string, Page>> = {
  stock: {
    title: "Stock",
    about:
      "The current stock of each product. Try to sell the last one in two windows at the same time.",
    show: () => <StockPage />,
  },
  products: {
    title: "Products",
    about: "What is sold: name, price, category and sku, which is unique.",
    depth: 2,
    load: async () => {
      const { ProductsPage } = await import("./product/page.tsx");
      return ([id, part]) => <ProductsPage id={id} part={part} />;
    },
  },
  inventory: {
    title: "Inventory",
    about: "What is out or low first, when to order again, and counts.",
    depth: 1,
    load: async () => {
      const { InventoryPage } = await import("./inventory/page.tsx");
      return ([part]) => <InventoryPage part={part} />;
    },
  },
  reservations: {
    title: "Reservations",
    about: "Units that are held for somebody until a time: all lines of a reservation, or none.",
    depth: 1,
    load: async () => {
      const { ReservationsPage } = await import("./reservation/page.tsx");
      return ([id]) => <ReservationsPage id={id} />;
    },
  },
  changes: {
    title: "Changes",
    about: "Each committed change, once, numbered in its feed without gaps.",
    load: async () => {
      const { ChangesPage } = await import("./change/page.tsx");
      return () => <ChangesPage />;
    },
  },
  dashboard: {
    title: "Dashboard",
    about: "Changes, their delay, this window's connection and the stock levels.",
    load: async () => {
      const { DashboardPage } = await import("./dashboard/page.tsx");
      return () => <DashboardPage />;
    },
  },
  users: {
    title: "Users",
    about:
      "An email address belongs to one user only, even if several requests ask for it in the same moment.",
    depth: 1,
    load: async () => {
      const { UsersPage } = await import("./record/user.tsx");
      return ([id]) => <UsersPage id={id} />;
    },
  },
  items: {
    title: "Items",
    about: "Any JSON object.",
    depth: 1,
    load: async () => {
      const { ItemsPage } = await import("./record/item.tsx");
      return ([id]) => <ItemsPage id={id} />;
    },
  },
  channels: {
    title: "Channels",
    about: "A message is shown in every window that has joined the channel.",
    load: async () => {
      const { ChannelsPage } = await import("./channel/page.tsx");
      return () => <ChannelsPage />;
    },
  },
  limits: {
    title: "Limits",
    about: "What the server refuses, with its answers unchanged.",
    load: async () => {
      const { LimitsPage } = await import("./limit/page.tsx");
      return () => <LimitsPage />;
    },
  },
  session: {
    title: "Session",
    about: "The token that this page uses, and what it permits.",
    load: async () => {
      const { SessionPage } = await import("./session/page.tsx");
      return () => <SessionPage />;
    },
  },
};

const HISTORY: Page = {
  title: "History",
  about: "Every version of one record, and who made it.",
  load: async () => {
    const { HistoryPage } = await import("./change/history.tsx");
    return ([feed, id]) => {
      const known = FEEDS.find((name) => name === feed);
      return known && id ? <HistoryPage feed={known} id={id} /> : undefined;
    };
  },
};

const NOT_FOUND: Page = {
  title: "Not found",
  about: "This address names no page of the console.",
  show: () => (
    <Empty title="No such page">
      <code>{address.value}</code> — <a href={href("stock")}>go to Stock</a>.
    </Empty>
  ),
};

/** The page of a route; NOT_FOUND for one that is malformed or has an unknown part. */
export function pageOf(route: readonly string[] | undefined): Page {
  if (!route) return NOT_FOUND;
  const [name = "stock", ...path] = route;
  const isHistory = name === "history" && path.length === 2;
  if (isHistory) return FEEDS.some((feed) => feed === path[0]) ? HISTORY : NOT_FOUND;
  const page = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined;
  return page && path.length <= (page.depth ?? 0) ? page : NOT_FOUND;
}

const loaded = new Map<Page, Show>();

/** How a page is drawn, if it has been loaded. */
export const showOf = (page: Page): Show | undefined =>
  "show" in page ? page.show : loaded.get(page);

/** Loads a page once. Rejects if its script cannot be loaded; a later call tries again. */
export async function loadPage(page: Page): Promise<Show> {
  if ("show" in page) return page.show;
  const show = loaded.get(page) ?? (await page.load());
  loaded.set(page, show);
  return show;
}
