/** The React hooks of the client against a running laptop, with real React in jsdom. */

import { JSDOM } from "jsdom";
import type { Client, Inventory, Item } from "@stockwire/client";
import type * as Hooks from "@stockwire/client/react";
import { newId } from "@stockwire/core/id";
import type * as ReactApi from "react";
import type { ReactNode } from "react";
import type { hydrateRoot as HydrateRoot, Root } from "react-dom/client";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import type { RunningLaptop } from "../laptop.ts";
import type { Frame } from "./client.ts";

interface Stage {
  laptop: () => RunningLaptop;
  create: (path: string, body: object) => Promise<Frame>;
  api: (
    method: string,
    path: string,
    body?: object,
    headers?: Record<string, string>,
  ) => Promise<{ status: number }>;
}

/** Lets a test hold back what the server sends. */
class Gate {
  #open: Promise<void> = Promise.resolve();
  #release: () => void = () => undefined;
  close = (): void => {
    this.#open = new Promise((resolve) => (this.#release = resolve));
  };
  open = () => this.#release();
  passed = () => this.#open;
}

/** Defines the tests; `stage` is the laptop of the calling file. */
export function reactTests({ laptop, create, api }: Stage): void {
  let dom: JSDOM;
  let React: typeof ReactApi;
  let createRoot: (element: Element) => Root;
  let hydrateRoot: typeof HydrateRoot;
  let renderToString: (node: ReactNode) => string;
  let hooks: typeof Hooks;
  const closing: (() => void)[] = [];

  beforeAll(async () => {
    dom = new JSDOM("<!doctype html>", { url: "http://localhost/" });
    Object.assign(globalThis, { window: dom.window, document: dom.window.document });
    // React DOM looks for a document when it is loaded.
    React = await import("react");
    hooks = await import("@stockwire/client/react");
    ({ createRoot, hydrateRoot } = await import("react-dom/client"));
    ({ renderToString } = await import("react-dom/server"));
  });
  afterEach(() => {
    for (const close of closing.splice(0).toReversed()) close();
  });
  // The globals stay: React still has work to do when a test ends.
  afterAll(() => dom.window.close());

  /** What a page has: a root, and the clients of one user with gates in front of them. */
  function page(initialScope = "admin") {
    let scope = initialScope;
    const answers = new Gate();
    const frames = new Gate();
    const requests: string[] = [];
    const sockets = new Set<WebSocket>();
    class GatedSocket extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sockets.add(this);
        const listen = this.addEventListener.bind(this) as (type: string, run: unknown) => void;
        const addEventListener = (type: string, run: (event: unknown) => void) => {
          const later = (event: unknown) => void frames.passed().then(() => run(event));
          listen(type, type === "message" ? later : run);
        };
        Object.assign(this, { addEventListener });
      }
    }
    const sub = newId();
    const stockwire = hooks.createStockwire({
      baseUrl: laptop().url,
      token: () => laptop().token({ sub, scope }),
      random: () => 0.05, // short waits
      WebSocket: GatedSocket,
      fetch: async (url, init) => {
        requests.push(`${init.method} ${url.replace(laptop().url, "")}`);
        const answer = await fetch(url, init);
        await answers.passed();
        return answer;
      },
    });
    const element = dom.window.document.createElement("div");
    const wrapped = (node: ReactNode) =>
      React.createElement(
        React.StrictMode,
        null,
        React.createElement(hooks.StockwireProvider, { value: stockwire }, node),
      );
    closing.push(() => {
      answers.open();
      frames.open();
      stockwire.close();
    });
    return {
      stockwire,
      answers,
      frames,
      requests,
      sockets,
      element,
      wrapped,
      /** The scope of later tokens. */
      allow: (next: string) => (scope = next),
      text: () => element.textContent,
      render: (node: ReactNode): Root => {
        const root = createRoot(element);
        root.render(wrapped(node));
        closing.push(() => root.unmount());
        return root;
      },
    };
  }

  const expectText = (text: () => string | null, expected: string | RegExp) =>
    vi.waitFor(() => expect(text()).toMatch(expected), { timeout: 20_000, interval: 10 });

  const createProduct = async (initialQuantity: number, category = newId()) =>
    (await create("/products", {
      name: "Pen",
      price: 1,
      category,
      initialQuantity,
    })) as unknown as {
      id: string;
      category: string;
    };
  const adjust = (id: string, delta: number) =>
    api("POST", `/inventory/${id}/adjustments`, { delta, reason: "counted" });

  test("a collection follows its filter; components share it, and StrictMode loads it once", async () => {
    const { category, id } = await createProduct(1, `Café & Tea ${newId()}`);
    const { render, text, requests, sockets } = page();
    const Names = () => {
      const { status, records } = hooks.useCollection("products", { category });
      return `${status} ${records
        .map(({ name }) => name)
        .toSorted()
        .join(",")};`;
    };
    const root = render([
      React.createElement(Names, { key: 1 }),
      React.createElement(Names, { key: 2 }),
    ]);
    await expectText(text, /^(?:ready Pen;){2}$/);
    const other = await createProduct(1, category.toUpperCase());
    await createProduct(1);
    await api("PATCH", `/products/${other.id}`, { name: "Ink" });
    await expectText(text, /^(?:ready Ink,Pen;){2}$/);
    await api("PATCH", `/products/${id}`, { category: "Other" });
    await expectText(text, /^(?:ready Ink;){2}$/);
    await api("DELETE", `/products/${other.id}`);
    await expectText(text, /^(?:ready ;){2}$/);
    root.unmount();
    expect(requests).toHaveLength(1);
    expect(sockets.size).toBe(1);
  });

  test("a record appears, changes and disappears", async () => {
    const id = newId();
    const { render, text } = page();
    const Title = () => {
      const { status, record } = hooks.useRecord("items", id);
      return `${status} ${String(record?.["title"])}`;
    };
    render(React.createElement(Title));
    await expectText(text, "ready undefined");
    await api("PUT", `/items/${id}`, { title: "one" }, { "if-none-match": "*" });
    await expectText(text, "ready one");
    await api("PATCH", `/items/${id}`, { title: "two" });
    await expectText(text, "ready two");
    await api("DELETE", `/items/${id}`);
    await expectText(text, "ready undefined");
  });

  /** A page that shows the available units of a product and can sell one. */
  function shop(id: string) {
    const own = page();
    const values: number[] = [];
    const mutations: Hooks.Mutation<number, Inventory>[] = [];
    const request = (client: Client, delta: number) =>
      client.inventory[":productId"].adjustments.$post({
        param: { productId: id },
        json: { delta, reason: "sold" },
      });
    const Shop = () => {
      const { record } = hooks.useRecord("inventory", id);
      const mutation = hooks.useMutation({
        request,
        optimistic: (delta: number) => ({
          feed: "inventory",
          id,
          apply: (level) => ({ ...level, available: level.available + delta }),
        }),
      });
      mutations.push(mutation);
      if (record && values.at(-1) !== record.available) values.push(record.available);
      const { pending, error } = mutation;
      return `${record?.available} ${pending ? "pending" : "idle"} ${error?.message ?? "fine"}`;
    };
    own.render(React.createElement(Shop));
    const mutate = (delta: number) => mutations.at(-1)?.mutate(delta);
    return { ...own, values, mutate };
  }

  test("a write is shown immediately and once, if its change arrives before the answer", async () => {
    const { id } = await createProduct(5);
    const { text, values, mutate, answers } = shop(id);
    await expectText(text, "5 idle fine");
    answers.close();
    mutate(-1);
    await expectText(text, "4 pending fine");
    // The change of another client comes after the write's own one.
    await vi.waitFor(async () => expect((await levelOf(id)).available).toBe(4), {
      timeout: 30_000,
    });
    await adjust(id, -2);
    await expectText(text, "2 pending fine");
    answers.open();
    await expectText(text, "2 idle fine");
    expect(values).toEqual([5, 4, 2]);
  });

  test("a write is shown immediately and once, if its change arrives after the answer", async () => {
    const { id } = await createProduct(5);
    const { text, values, mutate, frames } = shop(id);
    await expectText(text, "5 idle fine");
    frames.close();
    mutate(-1);
    await expectText(text, "4 idle fine");
    mutate(-1);
    await expectText(text, "3 idle fine");
    await adjust(id, -2);
    frames.open();
    await expectText(text, "1 idle fine");
    expect(values).toEqual([5, 4, 3, 1]);
  });

  test("a write that is refused is taken back, and others stay", async () => {
    const { id } = await createProduct(5);
    const { text, values, mutate, answers, frames } = shop(id);
    await expectText(text, "5 idle fine");
    answers.close();
    frames.close();
    mutate(-1);
    await expectText(text, "4 pending");
    mutate(-5);
    await expectText(text, "-1 pending");
    answers.open();
    await expectText(text, /^4 idle /);
    frames.open();
    await adjust(id, 10);
    await expectText(text, /^14 idle/);
    expect(values).toEqual([5, 4, -1, 4, 14]);
  });

  test("a mutation has the result of the write that started last, whichever ends last", async () => {
    const { render, text } = page();
    const mutations: Hooks.Mutation<{ title: string; answered: Promise<void> }, Item>[] = [];
    const Titles = () => {
      const mutation = hooks.useMutation({
        request: async (
          client,
          { title, answered }: { title: string; answered: Promise<void> },
        ) => {
          const answer = await client.items.$post({ json: { title } });
          await answered;
          return answer;
        },
      });
      mutations.push(mutation);
      const { pending, data, error } = mutation;
      return `${pending ? "pending" : "idle"} ${String(data?.["title"])} ${error?.message ?? "fine"}`;
    };
    render(React.createElement(Titles));
    await expectText(text, "idle undefined fine");
    const write = (title: string) => {
      const gate = new Gate();
      gate.close();
      const written = mutations.at(-1)?.mutateAsync({ title, answered: gate.passed() });
      return { open: gate.open, written };
    };
    const [first, second] = [write("first"), write("second")];
    second.open();
    await second.written;
    await expectText(text, "pending second fine");
    first.open();
    expect(await first.written).toMatchObject({ title: "first" });
    await expectText(text, "idle second fine");
    const refused = write("x".repeat(70_000)); // 413
    const third = write("third");
    third.open();
    await third.written;
    refused.open();
    await expect(refused.written).rejects.toMatchObject({ code: "body_too_large" });
    await expectText(text, "idle third fine");
  });

  test("writes of two windows with one clientRef have marks of their own", async () => {
    const marks: string[] = [];
    const open = (clientRef: string) => {
      const stockwire = hooks.createStockwire({
        baseUrl: laptop().url,
        token: laptop().token({ sub: newId(), scope: "admin" }),
        clientRef,
        fetch: (url, init) => {
          marks.push(new Headers(init.headers).get("x-client-ref") ?? "");
          return fetch(url, init);
        },
      });
      closing.push(() => stockwire.close());
      return stockwire;
    };
    for (const clientRef of ["tab-7", "x".repeat(64), ""]) {
      marks.length = 0;
      for (const stockwire of [open(clientRef), open(clientRef)]) {
        for (let n = 0; n < 2; n++) {
          const { id } = await stockwire.write((client) => client.items.$post({ json: { n } }), []);
          expect(id).toBeDefined(); // the server takes the mark
        }
      }
      expect(new Set(marks).size).toBe(4);
      for (const mark of marks) {
        expect(mark).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
        expect(mark.startsWith(clientRef.slice(0, 36))).toBe(true);
      }
    }
  });

  test("suspense shows its fallback until the records are there; a refusal reaches the boundary", async () => {
    const { category } = await createProduct(1);
    const { render, text } = page("read:products");
    class Boundary extends React.Component<{ children: ReactNode }, { error?: Error }> {
      override state: { error?: Error } = {};
      static getDerivedStateFromError = (error: Error) => ({ error });
      override render(): ReactNode {
        const { error } = this.state;
        return error ? `refused ${(error as Error & { code?: string }).code}` : this.props.children;
      }
    }
    const Names = () =>
      hooks
        .useCollection("products", { category }, { suspense: true })
        .records.map(({ name }) => name)
        .join(",");
    const Levels = () =>
      hooks.useCollection("inventory", {}, { suspense: true }).records.length.toString();
    const within = (component: () => string) =>
      React.createElement(
        Boundary,
        null,
        React.createElement(React.Suspense, { fallback: "wait" }, React.createElement(component)),
      );
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined); // React logs caught errors
    closing.push(() => logged.mockRestore());
    render([
      React.createElement("p", { key: 1 }, within(Names)),
      React.createElement("p", { key: 2 }, within(Levels)),
    ]);
    await expectText(text, "waitwait");
    await expectText(text, "Penrefused insufficient_scope");
  });

  test("after a refusal `retry` loads again", async () => {
    const { category } = await createProduct(1);
    const { render, text, allow } = page("read:inventory");
    const states: Hooks.CollectionState<unknown>[] = [];
    const Names = () => {
      const state = hooks.useCollection("products", { category });
      states.push(state);
      const { code } = (state.error ?? {}) as { code?: string };
      return `${state.status} ${state.records.map(({ name }) => name).join(",")} ${code ?? ""}`;
    };
    render(React.createElement(Names));
    await expectText(text, "error  insufficient_scope");
    allow("admin");
    states.at(-1)?.retry();
    await expectText(text, "ready Pen");
    expect(new Set(states.map(({ status }) => status))).toEqual(
      new Set(["loading", "error", "ready"]),
    );
  });

  test("a server renders the state before loading without a connection, and a page takes it over", async () => {
    const { category } = await createProduct(1);
    const { wrapped, element, text, requests, sockets } = page();
    const Names = () => {
      const { status, records } = hooks.useCollection("products", { category }, { suspense: true });
      return React.createElement("p", null, `${status} ${records.map(({ name }) => name).join()}`);
    };
    const node = React.createElement(
      React.Suspense,
      { fallback: React.createElement("p", null, "wait") },
      React.createElement(Names),
    );
    const html = renderToString(wrapped(node));
    expect(html).toContain("<p>loading </p>");
    expect([requests.length, sockets.size]).toEqual([0, 0]);
    const logged = vi.spyOn(console, "error");
    closing.push(() => logged.mockRestore());
    element.innerHTML = html;
    const problems: unknown[] = [];
    const root = hydrateRoot(element, wrapped(node), {
      onRecoverableError: (error) => problems.push(error),
    });
    closing.push(() => root.unmount());
    await expectText(text, "ready Pen");
    expect(problems).toEqual([]);
    expect(logged).not.toHaveBeenCalled();
  });

  test("a lost connection shows, and nothing is missed meanwhile", async () => {
    const { id } = await createProduct(5);
    const { render, text, sockets } = page();
    const states: string[] = [];
    const Level = () => {
      const connection = hooks.useConnection();
      const { record } = hooks.useRecord("inventory", id);
      if (states.at(-1) !== connection) states.push(connection);
      return `${connection} ${record?.available}`;
    };
    render(React.createElement(Level));
    await expectText(text, "open 5");
    for (const socket of sockets) socket.terminate();
    await adjust(id, -3);
    await expectText(text, "open 2");
    expect(states).toEqual(["connecting", "open", "lost", "open"]);
  });

  const levelOf = async (id: string) => {
    const answer = await fetch(`${laptop().url}/inventory/${id}`, {
      headers: { authorization: `Bearer ${laptop().token({ sub: "ana", scope: "admin" })}` },
    });
    return (await answer.json()) as Inventory;
  };
}
