import { newId } from "@stockwire/core/id";
import { setTimeout as pause } from "node:timers/promises";
import type { RunningLaptop } from "../laptop.ts";
import { type Answer, type Frame, send } from "./client.ts";

/** Concurrent writers that change random records of all resources until they are stopped. */
export interface Writers {
  /** The number of answers by status. */
  answers: Map<number, number>;
  stop(): Promise<void>;
}

/** `laptop` returns the running laptop, which changes with each restart. */
export function startWriters(laptop: () => RunningLaptop, count: number): Writers {
  const answers = new Map<number, number>();
  let writing = true;

  /** Retries with the same idempotency key until there is an answer, so it is applied once. */
  async function write(method: string, path: string, body?: object): Promise<Frame | undefined> {
    const headers = { "idempotency-key": newId() };
    for (;;) {
      const answer: Answer | undefined = await send(laptop(), method, path, body, {
        headers,
      }).catch(() => undefined);
      if (answer && answer.status !== 503 && answer.status !== 429) {
        answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
        return answer.json as Frame | undefined;
      }
      await pause(20);
    }
  }

  async function writer(): Promise<void> {
    const known: Record<string, string[]> = {
      users: [],
      products: [],
      items: [],
      reservations: [],
    };
    const anyId = (path: string) => known[path]?.[Math.floor(Math.random() * known[path].length)];
    const create = async (path: string, body: object) => {
      const record = await write("POST", `/${path}`, body);
      if (record?.["id"] !== undefined) known[path]?.push(String(record["id"]));
    };
    const remove = async (path: string) => {
      const id = anyId(path);
      if (id === undefined) return;
      known[path] = known[path]?.filter((each) => each !== id) ?? [];
      await write("DELETE", `/${path}/${id}`);
    };
    const product = () => ({ name: "Pen", price: 1, category: "pens", initialQuantity: 50 });
    const steps: (() => Promise<unknown>)[] = [
      () => create("users", { name: "Una", email: `${newId()}@example.com` }),
      () => write("PATCH", `/users/${anyId("users")}`, { name: `Una ${newId().slice(-4)}` }),
      () => remove("users"),
      () => create("products", product()),
      () =>
        write("PATCH", `/products/${anyId("products")}`, { price: Math.ceil(Math.random() * 99) }),
      () => remove("products"),
      () =>
        write("POST", `/inventory/${anyId("products")}/adjustments`, { delta: 1, reason: "found" }),
      () => create("items", { n: Math.random(), type: "note" }),
      () => write("PUT", `/items/${anyId("items")}`, { n: Math.random() }),
      () => remove("items"),
      () => create("reservations", { lines: [{ productId: anyId("products"), quantity: 1 }] }),
      () => write("POST", `/reservations/${anyId("reservations")}/confirm`),
      () => write("POST", `/reservations/${anyId("reservations")}/cancel`),
    ];
    for (const path of ["products", "items", "users"]) {
      await create(
        path,
        path === "users"
          ? { name: "Ida", email: `${newId()}@example.com` }
          : path === "items"
            ? {}
            : product(),
      );
    }
    while (writing) await steps[Math.floor(Math.random() * steps.length)]?.();
  }

  const all = Promise.all(Array.from({ length: count }, writer));
  return {
    answers,
    async stop() {
      writing = false;
      await all;
    },
  };
}
