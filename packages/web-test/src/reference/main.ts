/**
 * The script of the API reference at `/docs`: draws the operations of `openapi.json`, each with a
 * form that sends real requests. `npm run reference` bundles it into packages/functions, which
 * serves it inline under a policy that allows this script only.
 */

import { loadDocument, type Operation, operationsOf } from "./document.ts";
import { byId, code, el, marked, paragraphs, small } from "./dom.ts";
import { requestForm } from "./request.ts";
import { startSearch } from "./search.ts";
import { startTokenField } from "./token.ts";

const NARROW = 880; // px; below it the list of operations is closed

const foldMenu = () => (byId("details", "menu").open = innerWidth > NARROW);

interface View {
  operation: Operation;
  link: HTMLElement;
  details: HTMLDetailsElement;
  open: () => void;
}

/** One operation, as a link of the menu and as a section whose form is built when first opened. */
function viewOf(operation: Operation): View {
  const { id, method, path, scope } = operation;
  const heading = () => [
    el("span", { class: `badge ${method}` }, method),
    el(
      "code",
      {},
      path.split(/(?=\/)/).flatMap((step) => [el("wbr"), step]),
    ),
  ];
  const access = scope === undefined ? "open" : scope === "" ? "any token" : code(scope);
  const details = el(
    "details",
    { class: "op", id },
    el("summary", {}, heading(), el("span", {}, operation.summary), small(access)),
  );
  let refresh: (() => void) | undefined;
  const open = () => {
    if (!refresh) {
      const built = requestForm(operation);
      details.append(built.form);
      refresh = built.refresh;
    }
    refresh();
    details.open = true;
  };
  details.addEventListener("toggle", () => {
    if (details.open) open();
  });
  return { operation, details, open, link: el("a", { href: `#${id}` }, heading()) };
}

async function start(): Promise<void> {
  const api = await loadDocument();
  const views = operationsOf(api).map(viewOf);
  const tags = new Map(api.tags.map(({ name, description }) => [name, description]));
  const details = (view: View): HTMLElement => view.details;
  const byTag = Object.entries(Object.groupBy(views, ({ operation }) => operation.tag));
  const sections = (pick: (view: View) => HTMLElement) =>
    byTag.map(([tag, some = []]) =>
      el(
        "section",
        {},
        el("h2", {}, tag),
        pick === details && el("p", {}, ...marked(tags.get(tag))),
        some.map(pick),
      ),
    );
  byId("details", "menu").append(...sections(({ link }) => link));
  byId("main", "operations").replaceChildren(
    el("p", {}, `${api.info.summary} · ${api.info.version}`),
    el(
      "p",
      {},
      el("a", { href: "#getChangesStream" }, "Try the change stream"),
      ": changes as they happen.",
    ),
    el("details", {}, el("summary", {}, "About this API"), ...paragraphs(api.info.description)),
    ...sections(details),
  );
  startSearch(views);
  const openLinked = () => {
    const found = views.find(({ operation }) => operation.id === location.hash.slice(1));
    if (!found) return;
    foldMenu();
    found.open();
    found.details.scrollIntoView();
    found.details.querySelector("summary")?.focus({ preventScroll: true });
  };
  addEventListener("hashchange", openLinked);
  openLinked();
}

foldMenu();
startTokenField();
start().catch((error: unknown) => {
  const text = `openapi.json can't be read: ${(error as Error).message}`;
  byId("main", "operations").replaceChildren(el("p", { class: "bad", role: "alert" }, text));
});
