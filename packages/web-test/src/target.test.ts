import { expect, test } from "vitest";
import { claimsOf } from "./token.ts";
import { targetOf } from "./target.ts";

test("without an address of a stage, the page speaks to its own server", () => {
  for (const search of ["", "?api=", "?api=http://localhost:3000"]) {
    expect(targetOf({ origin: "http://localhost:3000", search })).toEqual({
      api: "http://localhost:3000",
      live: "ws://localhost:3000/live",
      isLaptop: true,
    });
  }
});

test("a stage has an HTTP API, a Live API, and perhaps a sign-in", () => {
  const search =
    "?api=https://a.example/v1/&live=wss://b.example/live&auth=https://c.example/&client=42";
  expect(targetOf({ origin: "http://localhost:3000", search })).toEqual({
    api: "https://a.example/v1",
    live: "wss://b.example/live",
    isLaptop: false,
    signIn: { domain: "https://c.example", clientId: "42" },
  });
});

test("a token says who it is for, in any of the ways that scopes are written", () => {
  const tokenOf = (claims: object) =>
    `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
  expect(claimsOf(tokenOf({ sub: "Zoë", scope: "read:users stockwire/admin", exp: 5 }))).toEqual(
    expect.objectContaining({ sub: "Zoë", scopes: ["read:users", "admin"], expiresAt: 5000 }),
  );
  expect(claimsOf(tokenOf({ scp: ["read:items"] }))).toMatchObject({
    sub: "",
    scopes: ["read:items"],
    expiresAt: undefined,
  });
  expect(() => claimsOf("nonsense")).toThrow(SyntaxError);
});
