import { expect, test } from "vitest";
import { targetOf } from "./target.ts";

test("without the address of a stage, the target is the page's own server and its issuer", () => {
  for (const search of ["", "?api=", "?api=http://localhost:3000"]) {
    expect(targetOf({ origin: "http://localhost:3000", search })).toEqual({
      api: "http://localhost:3000",
      live: "ws://localhost:3000/live",
      isLaptop: true,
      signIn: {
        issuer: "http://localhost:3000",
        clientId: "stockwire-console",
        demoUser: "jane",
      },
    });
  }
});

test("the address of a stage names an HTTP API, a Live API and optionally a sign-in", () => {
  const stage = "?api=https://a.example/v1/&live=wss://b.example/live";
  const own = { origin: "http://localhost:3000" };
  const target = { api: "https://a.example/v1", live: "wss://b.example/live", isLaptop: false };
  expect(targetOf({ ...own, search: stage })).toEqual(target);
  const signIn = "&issuer=https://c.example/pool/&client=42";
  expect(targetOf({ ...own, search: stage + signIn })).toEqual({
    ...target,
    signIn: { issuer: "https://c.example/pool", clientId: "42" },
  });
  expect(targetOf({ ...own, search: `${stage}${signIn}&scope=openid+x` }).signIn).toMatchObject({
    scope: "openid x",
  });
});
