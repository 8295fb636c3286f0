import { expect, test } from "vitest";
import { claimsOf } from "./token.ts";

test("the claims of a token are read, with its scopes in either claim and with a prefix", () => {
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
