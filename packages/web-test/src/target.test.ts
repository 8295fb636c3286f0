import { expect, test } from "vitest";
import { targetOf } from "./target.ts";

test("without the address of a stage, the target is the page's own server", () => {
  for (const search of ["", "?api=", "?api=http://localhost:3000"]) {
    expect(targetOf({ origin: "http://localhost:3000", search })).toEqual({
      api: "http://localhost:3000",
      live: "ws://localhost:3000/live",
      isLaptop: true,
    });
  }
});

test("the address of a stage names an HTTP API, a Live API and optionally a sign-in", () => {
  const search =
    "?api=https://a.example/v1/&live=wss://b.example/live&auth=https://c.example/&client=42";
  expect(targetOf({ origin: "http://localhost:3000", search })).toEqual({
    api: "https://a.example/v1",
    live: "wss://b.example/live",
    isLaptop: false,
    signIn: { domain: "https://c.example", clientId: "42" },
  });
});
