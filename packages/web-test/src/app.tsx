/** The frame of the console: header, navigation and the page that the route names. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { isAway, outages, status } from "./connection.ts";
import { clock } from "./format.ts";
import { loadPage, type Page, PAGES, pageOf, showOf } from "./page.tsx";
import { address, href, route, visit } from "./route.ts";
import { Notices } from "./notice.tsx";
import { target } from "./session.ts";
import { Boundary } from "./ui/boundary.tsx";
import { KeyHelp } from "./ui/keyboard.tsx";
import { ThemeSwitch } from "./ui/theme.tsx";
import { LeaveDialog } from "./ui/unsaved.tsx";

const TABS = Object.entries(PAGES);

export function App() {
  const [, ...path] = route.value ?? [];
  const page = pageOf(route.value);
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
        <a
          class="skip"
          href={address.value || "#/"}
          onClick={(event) => {
            event.preventDefault();
            heading.current?.focus();
          }}
        >
          Skip to the page
        </a>
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
          <KeyHelp />
          <ThemeSwitch />
        </span>
      </header>
      <AwayBanner />
      <main data-stale={isAway.value || undefined}>
        <div class="title">
          <h1 ref={heading} tabIndex={-1}>
            {page.title}
          </h1>
          <p class="faint">{page.about}</p>
        </div>
        <Boundary key={visit.value}>
          <Content key={visit.value} page={page} path={path} />
        </Boundary>
      </main>
      <LeaveDialog />
      <Notices />
    </>
  );
}

/** Draws a page once its script is loaded. Throws what prevents that, for the boundary. */
function Content({ page, path }: { page: Page; path: readonly string[] }) {
  const show = useSignal(showOf(page));
  const failure = useSignal<{ error: unknown }>();
  useLayoutEffect(() => {
    if (show.peek()) return;
    loadPage(page).then(
      (loaded) => (show.value = loaded),
      (error: unknown) => (failure.value = { error }),
    );
  }, []);
  if (failure.value) throw failure.value.error;
  return <>{show.value?.(path)}</>;
}

/** Says that the server is gone, and since when. Empty otherwise, so that it is read out. */
function AwayBanner() {
  const [latest] = outages.value;
  return (
    <div role="status" class="away-place">
      {isAway.value && latest && (
        <p class="away">
          <b>No connection to the server since {clock(new Date(latest.from).toISOString())}.</b>{" "}
          What is shown may be old, and actions are off. The console tries again by itself.
        </p>
      )}
    </div>
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
