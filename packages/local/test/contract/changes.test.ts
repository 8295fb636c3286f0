import { newId } from "@stockwire/core/id";
import { expect, test, vi } from "vitest";
import { contract, problem } from "./suite.ts";

contract((api) => {
  const product = async () =>
    (
      await api.send("POST", "/products", {
        body: { name: "Pen", price: 1, category: "Pens", initialQuantity: 5 },
      })
    ).json;
  const changes = (query: string, scope = "read:products") =>
    api.send("GET", `/changes?${query}`, { scope });

  test("every read of a list or record has a cursor to subscribe from", async () => {
    const { id } = await product();
    const { json: item } = await api.send("POST", "/items", { body: { a: 1 } });
    const { json: user } = await api.send("POST", "/users", {
      body: { name: "Ana", email: `u${newId().replaceAll("-", "")}@example.com` },
    });
    const { json: reservation } = await api.send("POST", "/reservations", {
      body: { lines: [{ productId: id, quantity: 1 }] },
    });
    const reads = {
      products: ["/products", `/products/${id}`, `/products/${id}?include=inventory`],
      inventory: ["/inventory", `/inventory/${id}`, `/products/${id}`],
      items: ["/items", `/items/${item.id}`],
      users: ["/users", `/users/${user.id}`],
      reservations: ["/reservations", `/reservations/${reservation.id}`],
    };
    for (const [feed, paths] of Object.entries(reads)) {
      for (const path of paths) {
        const cursor = (await api.send("GET", path)).headers.get("feed-cursor");
        const answer = await changes(`topic=${feed}&since=${cursor}`, "admin");
        expect([path, answer.status]).toEqual([path, 200]);
      }
    }
    const known = await api.send("GET", `/items/${item.id}`, {
      headers: { "If-None-Match": '"1"' },
    });
    expect(known.status).toBe(304);
    expect(known.headers.get("feed-cursor")).toBeTruthy();
    const missing = await api.send("GET", "/items/none");
    expect(missing.headers.has("feed-cursor")).toBe(false);
    const written = await api.send("POST", "/items", { body: { a: 1 } });
    expect(written.headers.has("feed-cursor")).toBe(false);
  });

  test("without a cursor /changes starts at the newest change, and returns a cursor", async () => {
    const first = await vi.waitFor(async () => {
      const answer = await changes("topic=products");
      // What other tests have written before may still be on its way into the log.
      expect(answer.json).toEqual({ events: [], cursor: expect.any(String), more: false });
      return answer;
    }, 10_000);
    const next = await changes(`topic=products&since=${first.json.cursor}&limit=1&wait=0`);
    expect(next.status).toBe(200);
    expect(Object.keys(next.json)).toEqual(["events", "cursor", "more"]);
  });

  test("reading a topic needs its resource's scope", async () => {
    const topics = {
      "read:users": ["users", "users/none"],
      "read:products": ["products", "products/none", "products?category=Pens"],
      "read:inventory": ["inventory", "inventory?level=low", "inventory?level=out"],
      "read:items": ["items", "items?type=book"],
      "reserve:inventory": ["reservations"],
    };
    for (const [scope, texts] of Object.entries(topics)) {
      for (const text of texts) {
        const query = `topic=${encodeURIComponent(text)}`;
        expect([text, (await changes(query, scope)).status]).toEqual([text, 200]);
        const refused = await changes(query, "write:users");
        expect(refused.json).toMatchObject(problem(403, "insufficient_scope"));
      }
    }
  });

  test("invalid topics, cursors and numbers are 400", async () => {
    const topics = [
      "nothing",
      "products/",
      "products/a/b",
      "products?",
      "products?price=1",
      "products?category=",
      "products?category=a&category=b",
      "users?email=a",
      "inventory?level=ok",
      "reservations?status=active",
      "Products",
      "x".repeat(1025),
    ];
    for (const topic of topics) {
      const { status, json } = await changes(`topic=${encodeURIComponent(topic)}`, "admin");
      expect([topic, status, json.code]).toEqual([topic, 400, "invalid_parameter"]);
    }
    expect((await changes("limit=1")).json.code).toBe("invalid_parameter");
    for (const bad of ["wait=21", "wait=-1", "wait=x", "limit=0"]) {
      const { status, json } = await changes(`topic=products&${bad}`);
      expect([bad, status, json.code]).toEqual([bad, 400, "invalid_parameter"]);
    }
    expect((await changes("topic=products&sinse=x")).json.code).toBe("unknown_parameter");

    const { cursor } = (await changes("topic=products")).json;
    const forged = cursor.replace(/^./, (first: string) => (first === "A" ? "B" : "A"));
    const { nextToken } = (await api.send("GET", "/products?limit=1")).json;
    for (const since of ["x", forged, `${cursor}A`, nextToken]) {
      const { status, json } = await changes(`topic=products&since=${since}`);
      expect([status, json.code]).toEqual([400, "invalid_cursor"]);
      expect(json.errors).toEqual([expect.objectContaining({ parameter: "since" })]);
    }
    // A cursor of one feed is not valid for another.
    const foreign = await changes(`topic=users&since=${cursor}`, "read:users");
    expect(foreign.json).toMatchObject(problem(400, "invalid_cursor"));
  });

  test("changes are streamed, or the answer points to /changes", async () => {
    const { status, json, text } = await api.send("GET", "/changes/stream?topic=products", {
      scope: "read:products",
    });
    if (api.streams) {
      expect(status).toBe(200);
      expect(text).toMatch(/^: .*\nretry: \d+\nid: .*event: end\ndata: \{"reason":"time_limit"\}/s);
      return;
    }
    expect([status, json]).toMatchObject([
      406,
      problem(406, "streaming_unavailable", { detail: expect.stringContaining("GET /changes") }),
    ]);
  });

  test("history needs the resource's scope and read:history, and is 404 for unknown records", async () => {
    const { id } = await product();
    const both = "read:products read:history";
    for (const path of [`/products/${id}/history`, `/inventory/${id}/history`]) {
      const scope = path.startsWith("/products") ? both : "read:inventory read:history";
      const { status, json } = await api.send("GET", `${path}?limit=5&order=asc`, { scope });
      expect([path, status]).toEqual([path, 200]);
      expect(json).toMatchObject({ items: expect.any(Array), count: expect.any(Number) });
    }
    for (const scope of ["read:products", "read:history", "read:users read:history"]) {
      const { status } = await api.send("GET", `/products/${id}/history`, { scope });
      expect([scope, status]).toEqual([scope, 403]);
    }
    const missing = {
      users: "user_not_found",
      products: "product_not_found",
      inventory: "inventory_not_found",
      items: "item_not_found",
      reservations: "reservation_not_found",
    };
    for (const [feed, code] of Object.entries(missing)) {
      const { status, json } = await api.send("GET", `/${feed}/none/history`);
      expect([feed, status, json.code]).toEqual([feed, 404, code]);
    }
  });

  test("any token gets a ticket, which is random and expires", async () => {
    const before = Date.now();
    const [a, b] = [
      await api.send("POST", "/live/tickets", { scope: "read:items" }),
      await api.send("POST", "/live/tickets", { scope: "read:items" }),
    ];
    expect(a.status).toBe(201);
    expect(a.json).toEqual({ ticket: expect.any(String), expiresAt: expect.any(String) });
    expect(a.json.ticket).toMatch(/^[\w-]{32}$/);
    expect(a.json.ticket).not.toBe(b.json.ticket);
    const lifetime = Date.parse(a.json.expiresAt) - before;
    expect(lifetime).toBeGreaterThan(58_000);
    expect(lifetime).toBeLessThan(70_000);
    expect((await api.send("POST", "/live/tickets", { scope: null })).status).toBe(401);
    // A ticket works once, so a repeated answer would be of no use.
    const keyed = { "Idempotency-Key": newId() };
    const tickets = [
      await api.send("POST", "/live/tickets", { headers: keyed }),
      await api.send("POST", "/live/tickets", { headers: keyed }),
      await api.send("POST", "/items", { body: {}, headers: keyed }),
    ];
    expect(tickets.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(tickets[0]?.json.ticket).not.toBe(tickets[1]?.json.ticket);
  });
});
