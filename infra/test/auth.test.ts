import { expect, test } from "vitest";
import { scopes } from "@stockwire/functions/api/policy";
import { all, one, stack } from "./stack.ts";

const full = scopes.map((scope) => `stockwire/${scope}`);
const stages = ["dev", "production"];

test.each(stages)("S-189, S-255, S-273: %s has a pool whose emails are verified", (stage) => {
  expect(one(stack(stage), "cognito/userPool", "UsersUserPool").inputs).toMatchObject({
    usernameAttributes: ["email"],
    autoVerifiedAttributes: ["email"],
    adminCreateUserConfig: { allowAdminCreateUserOnly: true },
    deletionProtection: stage === "production" ? "ACTIVE" : "INACTIVE",
  });
});

test.each(stages)("S-189: its resource server has every scope of %s", (stage) => {
  const { inputs } = one(stack(stage), "cognito/resourceServer", "Scopes");
  expect(inputs["identifier"]).toBe("stockwire");
  expect(inputs["scopes"].map(({ scopeName }: { scopeName: string }) => scopeName)).toEqual(scopes);
});

test.each(stages)("S-189: the machine client of %s has a secret and no other way in", (stage) => {
  expect(one(stack(stage), "cognito/userPoolClient", "MachineClient").inputs).toMatchObject({
    generateSecret: true,
    allowedOauthFlows: ["client_credentials"],
    allowedOauthScopes: full,
    explicitAuthFlows: ["ALLOW_REFRESH_TOKEN_AUTH"],
  });
});

test.each(stages)(
  "S-189: the browser client of %s has codes, no secret, and is no admin",
  (stage) => {
    const { inputs } = one(stack(stage), "cognito/userPoolClient", "BrowserClient");
    expect(inputs).toMatchObject({
      generateSecret: false,
      explicitAuthFlows: ["ALLOW_REFRESH_TOKEN_AUTH"],
      allowedOauthFlows: ["code"],
      allowedOauthScopes: ["openid", ...full.filter((scope) => scope !== "stockwire/admin")],
      preventUserExistenceErrors: "ENABLED",
    });
    expect(JSON.stringify(inputs)).not.toContain("implicit");
    const callbacks = inputs["callbackUrls"] as string[];
    expect(callbacks.filter((url) => /\/(?:callback|console)$/.test(url))).toEqual(callbacks);
    expect(callbacks.filter((url) => url.endsWith("/console"))).toHaveLength(callbacks.length / 2);
  },
);

test("S-189: with another issuer there is no pool", () => {
  expect(stack("staging").resources.filter(({ type }) => type.includes(":cognito/"))).toEqual([]);
  expect(stack("staging").outputs["issuer"]).toBe("https://login.shop.example/realm");
});

test("clients wait for the scopes that they ask for", () => {
  for (const { dependsOn } of all(stack("dev"), "cognito/userPoolClient")) {
    expect(dependsOn?.some((id) => id.endsWith("::Scopes"))).toBe(true);
  }
});
