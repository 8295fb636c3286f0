import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { Clock, turn } from "./clock.ts";
import { inMemory, type Product, ScriptedLive } from "./scripted-live.ts";
import { type createClient, pages, ProblemError } from "../src/http.ts";
import { type CollectionChange, createLive, type Live, type Topic } from "../src/live.ts";

/** One server and one client in memory. Frames arrive and time passes only when the test says so. */
class World {
  readonly live = new ScriptedLive();
  readonly clock = new Clock();
  readonly client: Live;
  readonly #due: (() => void)[] = [];

  constructor() {
    this.live.replaying = () => new Promise((resolve) => this.#due.push(resolve));
    this.client = createLive({
      url: "wss://localhost/live",
      token: "jwt",
      WebSocket: inMemory(this.live, (run) => this.#due.push(run)),
      timers: this.clock,
      random: () => 0.5,
      buffer: 20,
    });
  }

  /** Lets a number of frames arrive, or all. */
  run = async (count = Infinity): Promise<void> => {
    await turn();
    for (let n = 0; n < count && this.#due.length > 0; n++) {
      this.#due.shift()?.();
      await turn();
    }
  };

  advance = (ms: number) => this.clock.advance(ms, () => this.run());

  /** Loads a topic's records as a list does: the cursor first, the records some time later. */
  load = async (topic: Topic): Promise<{ records: Product[]; cursor: string }> => {
    const cursor = this.live.cursor();
    await new Promise<void>((resolve) => this.#due.push(resolve));
    return { records: [...this.records(topic).values()], cursor };
  };

  records(topic: Topic): Map<string, Product> {
    const [, kind, rest] = /^products([/?])?(?:category=)?(.*)$/.exec(topic) ?? [];
    const own = ({ id, category }: Product) =>
      kind === undefined || (kind === "/" ? id === rest : category === rest);
    return new Map([...this.live.products].filter(([, product]) => own(product)));
  }
}

let world: World;
beforeEach(() => (world = new World()));
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});

const open = (topic: Topic = "products") =>
  world.client.collection(topic, { load: () => world.load(topic) });

describe("a collection", () => {
  it("loads its records, and applies changes", async () => {
    world.live.append("a", "books");
    const products = open();
    const changes: CollectionChange<Product>[] = [];
    products.onChange((change) => changes.push(change));
    await world.run();
    await products.ready;
    expectTypeOf(products.get("a")).toEqualTypeOf<Product | undefined>();
    expect(products.get("a")).toMatchObject({ version: 1 });
    world.live.write("a", "toys");
    world.live.write("b", "toys");
    world.live.write("a", undefined);
    await world.run();
    expect([...products.keys()]).toEqual(["b"]);
    expect(changes.map(({ type, id }) => `${type} ${id}`)).toEqual([
      "set a",
      "set a",
      "set b",
      "delete a",
    ]);
  });

  it("applies changes that happen during the load, deletions too", async () => {
    world.live.append("a", "books");
    const products = open();
    await turn();
    world.live.write("b", "books");
    world.live.write("a", undefined);
    world.live.write("c", "books");
    world.live.write("c", undefined);
    await world.run();
    await products.ready;
    expect([...products.keys()]).toEqual(["b"]);
  });

  it("ignores repeated changes: no older version, and no deleted record returns", async () => {
    const products = open();
    await world.run();
    world.live.write("a", "books");
    world.live.write("a", "toys");
    world.live.write("b", "toys");
    world.live.write("b", undefined);
    await world.run();
    for (const change of world.live.log) world.live.fanOut(change);
    await world.run();
    expect([...products.values()]).toMatchObject([{ id: "a", version: 2 }]);
  });

  it("does not restore a deleted record when an older change arrives late", async () => {
    for (const id of ["a", "b"]) world.live.append(id, "books");
    const books = open("products?category=books");
    await world.run();
    world.live.write("b", "books");
    await world.run();
    const late = world.live.append("a", "books");
    world.live.write("a", undefined);
    await world.run();
    world.live.fanOut(late);
    await world.run();
    expect([...books.keys()]).toEqual(["b"]);
  });

  it("adds records that enter its filter and removes those that leave it", async () => {
    const books = open("products?category=books");
    await world.run();
    world.live.write("a", "toys");
    world.live.write("a", "books");
    await world.run();
    expect(books.has("a")).toBe(true);
    world.live.write("a", "toys");
    await world.run();
    expect(books.size).toBe(0);
  });

  it("ignores changes that its list has already", async () => {
    const topic = "products?category=books";
    for (const category of ["books", "toys", "books"]) world.live.append("a", category);
    const changes: unknown[] = [];
    const books = world.client.collection<Product>(topic, {
      load: async () => ({ ...(await world.load(topic)), cursor: world.live.cursor(0) }),
    });
    books.onChange((change) => changes.push(change));
    await world.run();
    await books.ready;
    expect(changes).toHaveLength(1);
    expect(books.get("a")).toMatchObject({ version: 3 });
  });

  it("loads again after a reset, and notifies about the differences", async () => {
    world.live.append("a", "books");
    const products = open();
    await world.run();
    await products.ready;
    const changes: string[] = [];
    products.onChange(({ type, id }) => changes.push(`${type} ${id}`));
    for (const peer of world.live.open) peer.drop();
    world.live.append("a", undefined);
    world.live.append("b", "books");
    world.live.expired = 2;
    await world.advance(10_000);
    expect([...products.keys()]).toEqual(["b"]);
    expect(changes).toEqual(["delete a", "set b"]);
  });

  it("keeps a version that is newer than that of a list which is behind", async () => {
    world.live.append("a", "books");
    let behind: Product[] | undefined;
    const products = world.client.collection<Product>("products", {
      load: async () => {
        const { records, cursor } = await world.load("products");
        return { records: behind ?? records, cursor };
      },
    });
    await world.run();
    await products.ready;
    behind = [...products.values()];
    world.live.write("a", "toys");
    await world.run();
    for (const peer of world.live.open) peer.drop();
    world.live.append("b", "books");
    world.live.expired = 3;
    await world.advance(10_000);
    expect(products.get("a")).toMatchObject({ version: 2, category: "toys" });
  });

  it("fetches a record whose change is too large for a frame", async () => {
    const topic = "products";
    const fetched: string[] = [];
    const products = world.client.collection<Product>(topic, {
      load: () => world.load(topic),
      fetch: async (id) => {
        fetched.push(id);
        return world.live.products.get(id);
      },
    });
    await world.run();
    const { data: _data, ...large } = world.live.append("a", "books");
    world.live.log[0] = { ...large, truncated: true };
    world.live.fanOut(world.live.log[0]);
    await world.run();
    expect(fetched).toEqual(["a"]);
    expect(products.get("a")).toMatchObject({ version: 1, category: "books" });
  });

  it("reports each change once it is applied, also one that its list had already", async () => {
    const products = world.client.collection<Product>("products", {
      load: async () => {
        const { cursor } = await world.load("products");
        world.live.append("a", "books"); // after the cursor, and in the list
        return { records: [...world.live.products.values()], cursor };
      },
      fetch: async (id) => world.live.products.get(id),
    });
    const applied: string[] = [];
    const remove = products.onApplied(({ id }) =>
      applied.push(`${id} ${products.get(id)?.version}`),
    );
    await world.run();
    expect(applied).toEqual(["a 1"]);
    const { data: _data, ...large } = world.live.append("b", "books");
    world.live.fanOut({ ...large, truncated: true });
    await world.run();
    expect(applied).toEqual(["a 1", "b 1"]);
    remove();
    world.live.write("a", "toys");
    await world.run();
    expect(applied).toHaveLength(2);
    const reasons: unknown[] = [];
    products.onClose((reason) => reasons.push(reason));
    products.close();
    expect(reasons).toMatchObject([{ code: "closed" }]);
  });

  it("retries a failed load, unless the request itself is refused", async () => {
    let tries = 0;
    const products = world.client.collection<Product>("products", {
      load: async () => {
        if (++tries < 3) throw new ProblemError(503, { code: "unavailable" });
        return world.load("products");
      },
    });
    await world.advance(10_000);
    await products.ready;
    const refused = world.client.collection<Product>("products", {
      load: async () => {
        throw new ProblemError(403, { code: "insufficient_scope" });
      },
    });
    await expect(refused.ready).rejects.toMatchObject({ code: "insufficient_scope" });
  });

  it("gets a lost change of a filter, even if more changes follow than it may buffer", async () => {
    const books = open("products?category=books");
    await world.run();
    world.live.write("a", "books");
    await world.run();
    world.live.append("a", "books"); // lost on the way
    for (let n = 0; n < 40; n++) world.live.write("d", "books");
    await world.advance(400_000);
    expect(books.get("a")).toMatchObject({ version: 2 });
    expect(books.get("d")).toMatchObject({ version: 40 });
  });

  it("has the type of the records that its load returns", () => {
    const typed = (client: ReturnType<typeof createClient>, live: Live) => {
      const load = pages((query) => client.inventory.$get({ query }));
      expectTypeOf(live.collection("inventory", { load }).get("a")?.available).toEqualTypeOf<
        number | undefined
      >();
      // @ts-expect-error -- the map is read-only
      live.collection("inventory", { load }).set("a", {});
    };
    expectTypeOf(typed).toBeFunction();
    world.client.on("error", () => undefined);
  });
});

/** Runs of each property; more by `MODEL_RUNS`. */
const RUNS = Number(process.env["MODEL_RUNS"] ?? 60);

const ids = fc.constantFrom("a", "b", "c");
const categories = fc.constantFrom("books", "toys", undefined);
const fates = fc.constantFrom("sent", "sent", "sent", "lost", "twice", "late");
const steps = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant("write"), ids, categories, fates) },
  { weight: 5, arbitrary: fc.tuple(fc.constant("run"), fc.nat(5)) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom("arrive", "stray"), fc.nat(100)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("wait"), fc.constantFrom(100, 600, 5_000, 61_000)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("drop", "goaway", "expire", "flood")) },
);
async function take([kind, one, two, fate]: readonly unknown[], late: (() => void)[]) {
  const { live } = world;
  const frames = () => late.splice(Number(one) % Math.max(late.length, 1), 1);
  switch (kind) {
    case "write": {
      const id = String(one);
      if (two === undefined && !live.products.has(id)) return;
      const change = live.append(id, two as string | undefined);
      if (fate === "late") late.push(() => live.fanOut(change));
      else
        for (let n = { sent: 1, lost: 0, twice: 2 }[String(fate)] ?? 0; n > 0; n--)
          live.fanOut(change);
      return;
    }
    case "run":
      return world.run(Number(one));
    case "arrive":
      for (const send of frames()) send();
      return;
    case "stray": {
      const old = live.log[Number(one) % Math.max(live.log.length, 1)];
      if (old) live.fanOut(old);
      return;
    }
    case "wait":
      return world.advance(Number(one));
    case "drop":
      for (const peer of live.open) peer.drop();
      return;
    case "goaway":
      for (const peer of live.open) peer.send({ type: "goaway", heads: {} });
      return;
    case "expire":
      live.expired = live.log.length;
      return;
    default:
      for (let n = 0; n < 40; n++) live.write("d", "books");
  }
}

describe("over lost, late and repeated frames and lost connections", () => {
  const script = fc.array(steps, { maxLength: 40 });

  it.each<Topic>(["products", "products?category=books", "products/a"])(
    "a collection of %s ends equal to the server's records",
    async (topic) => {
      await fc.assert(
        fc
          .asyncProperty(script, fc.boolean(), async (all, stable) => {
            world.live.stable = stable;
            const products = open(topic);
            const versions = new Map<string, number>();
            products.onChange((change) => {
              if (change.type === "delete") return;
              expect(change.record.version).toBeGreaterThan(versions.get(change.id) ?? 0);
              versions.set(change.id, change.record.version);
            });
            const errors: Error[] = [];
            world.client.on("error", (error) => errors.push(error));
            open("products?category=toys"); // a second subscription on the connection
            const late: (() => void)[] = [];
            for (const step of all) await take(step, late);
            await world.advance(400_000);
            expect(Object.fromEntries(products)).toEqual(Object.fromEntries(world.records(topic)));
            expect(errors).toEqual([]);
            expect(world.live.open.size).toBe(1);
          })
          .beforeEach(() => void (world = new World()))
          .afterEach(() => world.client.close()),
        { numRuns: RUNS },
      );
    },
  );

  it("a feed is delivered in order and without a gap, or with a reset", async () => {
    await fc.assert(
      fc
        .asyncProperty(script, fc.boolean(), async (all, stable) => {
          world.live.stable = stable;
          for (let n = 0; n < 10; n++) world.live.append("d", "books");
          const delivered: (number | "reset")[] = [];
          world.client.subscribe("products", {
            since: world.live.cursor(5),
            event: ({ seq }) => delivered.push(seq),
            reset: () => delivered.push("reset"),
          });
          const late: (() => void)[] = [];
          for (const step of all) await take(step, late);
          await world.advance(400_000);
          world.live.write("d", "books");
          await world.advance(400_000);
          let last: number | "reset" = 5;
          for (const one of delivered) {
            if (one !== "reset" && last !== "reset") expect(one).toBe(last + 1);
            last = one;
          }
          expect(last).toBe(world.live.log.length);
        })
        .beforeEach(() => void (world = new World()))
        .afterEach(() => world.client.close()),
      { numRuns: RUNS },
    );
  });
});
