/** The Cognito user pool: its scopes and its two clients. */

import { expect, test } from "vitest";
import { scopes } from "@stockwire/functions/api/policy";
import { all, one, stack } from "./stack.ts";

const allScopes = scopes.map((scope) => `stockwire/${scope}`);
const stages = ["dev", "production"];

test.each(stages)("%s has a user pool with verified emails and no self sign-up", (stage) => {
  expect(one(stack(stage), "cognito/userPool", "UsersUserPool").inputs).toMatchObject({
    usernameAttributes: ["email"],
    autoVerifiedAttributes: ["email"],
    adminCreateUserConfig: { allowAdminCreateUserOnly: true },
    deletionProtection: stage === "production" ? "ACTIVE" : "INACTIVE",
    userPoolTier: "LITE", // AWS's default, ESSENTIALS, costs more for each user
  });
});

test.each(stages)("the resource server of %s has every scope of the policy", (stage) => {
  const { inputs } = one(stack(stage), "cognito/resourceServer", "Scopes");
  expect(inputs["identifier"]).toBe("stockwire");
  expect(inputs["scopes"].map(({ scopeName }: { scopeName: string }) => scopeName)).toEqual(scopes);
});

test.each(stages)(
  "the machine client of %s has a secret and only the client credentials flow",
  (stage) => {
    expect(one(stack(stage), "cognito/userPoolClient", "MachineClient").inputs).toMatchObject({
      generateSecret: true,
      allowedOauthFlows: ["client_credentials"],
      allowedOauthScopes: allScopes,
      explicitAuthFlows: ["ALLOW_REFRESH_TOKEN_AUTH"],
    });
  },
);

test.each(stages)(
  "the browser client of %s has only the code flow, no secret and not the scope admin",
  (stage) => {
    const { inputs } = one(stack(stage), "cognito/userPoolClient", "BrowserClient");
    expect(inputs).toMatchObject({
      generateSecret: false,
      explicitAuthFlows: ["ALLOW_REFRESH_TOKEN_AUTH"],
      allowedOauthFlows: ["code"],
      allowedOauthScopes: ["openid", ...allScopes.filter((scope) => scope !== "stockwire/admin")],
      preventUserExistenceErrors: "ENABLED",
    });
    expect(JSON.stringify(inputs)).not.toContain("implicit");
    const callbacks = inputs["callbackUrls"] as string[];
    expect(callbacks.filter((url) => /\/(?:callback|console)$/.test(url))).toEqual(callbacks);
    expect(callbacks.filter((url) => url.endsWith("/console"))).toHaveLength(callbacks.length / 2);
  },
);

test("with another issuer there is no user pool", () => {
  expect(stack("staging").resources.filter(({ type }) => type.includes(":cognito/"))).toEqual([]);
  expect(stack("staging").outputs["issuer"]).toBe("https://login.shop.example/realm");
});

test("clients are created after the resource server that defines their scopes", () => {
  for (const { dependsOn } of all(stack("dev"), "cognito/userPoolClient")) {
    expect(dependsOn?.some((id) => id.endsWith("::Scopes"))).toBe(true);
  }
});
