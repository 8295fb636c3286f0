/** Connections that outlive their token, or the maximum duration of a connection. */

import { expect, test } from "vitest";
import { eventually, type LiveClient, until } from "./client.ts";
import { waitForChanges, email, liveSuite } from "./suite.ts";

const { create, laptop, open, settled, subscribe, tables } = liveSuite("auth");
const rowOf = async (client: LiveClient) => {
  const { connectionId } = await client.request({ action: "hello" });
  const rows = await tables.rows("Connections");
  return rows.filter(({ pk, sk }) => `${String(pk)} ${String(sk)}`.includes(connectionId));
};

test("a new token of the same subject replaces the old one", async () => {
  const exp = Math.floor(Date.now() / 1000);
  const client = await open({ sub: "ann", scope: "read:items read:users", exp: exp + 60 });
  await subscribe(client, ["items", "users", "users/x"]);
  const auth = (claims: object) =>
    client.request({ action: "auth", token: laptop().token({ scope: "admin", ...claims }) });
  for (const [claims, code] of [
    [{ sub: "eve" }, "wrong_subject"],
    [{ sub: "ann", exp: exp - 1 }, "unauthenticated"],
    [{ sub: "ann", iss: "https://issuer.example.com" }, "unauthenticated"],
  ] as const) {
    expect(await auth(claims)).toMatchObject({ type: "error", code });
  }
  expect(await client.request({ action: "hello" })).toMatchObject({
    scopes: ["read:items", "read:users"],
    authExpiresAt: new Date((exp + 60) * 1000).toISOString(),
  });
  const answer = client.frames.length;
  await auth({ sub: "ann", scope: "read:items", exp: exp + 120 });
  await client.next("ack");
  const [ended, ack] = client.frames.slice(answer);
  expect(ended).toMatchObject({ type: "unsubscribed", topics: ["users", "users/x"] });
  expect(ack).toMatchObject({ authExpiresAt: new Date((exp + 120) * 1000).toISOString() });
  const { id } = await create("/items", {});
  await create("/users", { name: "Una", email: email() });
  await waitForChanges(client, 1);
  await settled(client);
  expect(client.changes()[0]).toMatchObject({ feed: "items", id });
  expect(client.changes().filter(({ feed }) => feed === "users")).toEqual([]);
  expect(await subscribe(client, ["users"])).toMatchObject({ code: "forbidden_topic" });
});

const closedBy = (client: LiveClient) =>
  until(() => client.closed && Date.now(), "the server to close it");

/** Opens connections: one that stays silent, and two that have another token by its end `exp` (s). */
async function openUntil(exp: number) {
  const silent = await open({ exp });
  const renewed = await open({ sub: "ren", exp });
  const shortened = await open({ sub: "sho", exp: exp + 600 });
  for (const one of [silent, renewed, shortened]) await subscribe(one, ["items"]);
  const auth = (client: LiveClient, claims: object) =>
    client.request({ action: "auth", token: laptop().token({ scope: "admin", ...claims }) });
  await auth(renewed, { sub: "ren", exp: exp + 2 });
  await auth(shortened, { sub: "sho", exp: exp - 1 });
  return { exp, silent, renewed, shortened };
}

/** On a busy machine that takes longer than the tokens are valid. Then it is tried with longer ones. */
async function openInTime() {
  for (let lead = 3; ; lead *= 2) {
    const exp = Math.floor(Date.now() / 1000) + lead;
    const isLate = () => Date.now() >= (exp - 1) * 1000;
    try {
      const opened = await openUntil(exp);
      if (!isLate()) return opened;
    } catch (error) {
      if (!isLate()) throw error;
    }
  }
}

test("a silent connection is closed within 5 s of the end of its token, or of the token that replaced it", async () => {
  const { exp, silent, renewed, shortened } = await openInTime();
  for (const [client, end] of [
    [shortened, exp - 1],
    [silent, exp],
    [renewed, exp + 2],
  ] as const) {
    const closedAt = await closedBy(client);
    expect(closedAt).toBeGreaterThanOrEqual(end * 1000);
    expect(closedAt - end * 1000).toBeLessThan(5_000);
    expect(client.frames.at(-1)).toMatchObject({ type: "error", code: "unauthenticated" });
    expect(client.closed?.code).toBe(1000);
  }
  const isOfThese = (row: Record<string, unknown>) =>
    [exp - 1, exp, exp + 2].some((end) => row["authExpiresAt"] === end * 1000);
  await eventually(
    async () => !(await tables.rows("Connections")).some(isOfThese),
    "its rows to be deleted",
  );
});

test("a connection whose token has expired gets no changes, and its next frame closes it", async () => {
  const client = await open();
  await subscribe(client, ["items"]);
  for (const row of await rowOf(client)) {
    if ("authExpiresAt" in row) await tables.alter(row, { authExpiresAt: Date.now() - 1 });
  }
  await create("/items", {});
  const other = await open();
  await subscribe(other, ["items"]);
  await create("/items", {});
  await waitForChanges(other, 1);
  const last = await client.request({ action: "subscribe", topics: ["users"] });
  expect(last).toMatchObject({ type: "error", code: "unauthenticated" });
  expect(client.changes()).toEqual([]);
  await closedBy(client);
});

test("after 110 minutes a ping is answered with goaway, and the connection stays open", async () => {
  const client = await open();
  await subscribe(client, ["items"]);
  const row = (await rowOf(client)).find(({ sk }) => sk === "CONNECTION") ?? {};
  const minutesAgo = (n: number) => ({ connectedAt: Date.now() - n * 60_000 });
  await tables.alter(row, minutesAgo(109));
  expect((await client.request({ action: "ping" })).type).toBe("pong");
  await tables.alter(row, minutesAgo(110));
  const goaway = await client.request({ action: "ping" });
  expect(goaway.type).toBe("goaway");
  expect(Object.keys(goaway["heads"])).toEqual(["items"]);
  await create("/items", {});
  await waitForChanges(client, 1);
});
