/** The token issuer: a Cognito user pool per stage, or an existing OIDC issuer of the account. */

import { scopes } from "@stockwire/functions/api/policy";
import { RESOURCE_SERVER } from "@stockwire/functions/api/policy";
import { settingsOf } from "./stage.ts";

const { otherIssuer, origins, domains, isProtected } = settingsOf($app.stage);
const HOUR = 60; // minutes

export const { issuer, audiences, outputs } = otherIssuer
  ? { ...otherIssuer, outputs: {} }
  : cognito();

/** For functions that verify tokens themselves: a WebSocket API has no JWT authorizer. */
export const tokenEnvironment = {
  JWT_ISSUER: issuer,
  JWT_AUDIENCE: $util.all(audiences).apply((all) => all.join(",")),
};

function cognito() {
  const suffix = new random.RandomId("AuthDomain", { byteLength: 4 });
  const pool = new sst.aws.CognitoUserPool("Users", {
    usernames: ["email"],
    domain: { prefix: $interpolate`${$app.name}-${$app.stage}-${suffix.hex}` },
    transform: {
      userPool: {
        // The tier with everything that is used here, and the lowest price for a user. AWS's default for
        // new pools is ESSENTIALS.
        // https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-sign-in-feature-plans.html
        userPoolTier: "LITE",
        // Every user may request all scopes of the browser client, so users cannot sign up themselves.
        adminCreateUserConfig: { allowAdminCreateUserOnly: true },
        deletionProtection: isProtected ? "ACTIVE" : "INACTIVE",
        accountRecoverySetting: { recoveryMechanisms: [{ name: "verified_email", priority: 1 }] },
      },
    },
  });
  const server = new aws.cognito.ResourceServer("Scopes", {
    userPoolId: pool.id,
    identifier: RESOURCE_SERVER,
    name: RESOURCE_SERVER,
    scopes: scopes.map((scope) => ({ scopeName: scope, scopeDescription: scope })),
  });
  const full = scopes.map((scope) => `${RESOURCE_SERVER}/${scope}`);

  const machine = pool.addClient("Machine", {
    transform: {
      client: (args, options) => {
        options.dependsOn = [server];
        Object.assign(args, {
          generateSecret: true,
          allowedOauthFlows: ["client_credentials"],
          allowedOauthScopes: full,
          explicitAuthFlows: ["ALLOW_REFRESH_TOKEN_AUTH"], // no sign-in with a password
          callbackUrls: [],
          accessTokenValidity: HOUR,
          tokenValidityUnits: { accessToken: "minutes" },
        });
        return undefined;
      },
    },
  });
  const pages = origins.length > 0 ? origins : [`https://${domains?.api ?? "example.com"}`];
  const browser = pool.addClient("Browser", {
    // The console redirects to its own page.
    callbackUrls: pages.flatMap((origin) => [`${origin}/callback`, `${origin}/console`]),
    transform: {
      client: (args, options) => {
        options.dependsOn = [server];
        Object.assign(args, {
          // A browser cannot keep a secret: it uses the code flow with PKCE.
          generateSecret: false,
          allowedOauthFlows: ["code"],
          allowedOauthScopes: ["openid", ...full.filter((scope) => !scope.endsWith("/admin"))],
          explicitAuthFlows: ["ALLOW_REFRESH_TOKEN_AUTH"],
          logoutUrls: pages,
          preventUserExistenceErrors: "ENABLED",
          enableTokenRevocation: true,
          accessTokenValidity: HOUR,
          tokenValidityUnits: { accessToken: "minutes" },
        });
        return undefined;
      },
    },
  });
  return {
    issuer: $interpolate`https://cognito-idp.${aws.getRegionOutput().region}.amazonaws.com/${pool.id}`,
    // Cognito's access tokens have `client_id` instead of `aud`. Only those that name a resource have
    // `aud`, which the tier LITE does not offer.
    audiences: [machine.id, browser.id],
    outputs: {
      authUrl: pool.domainUrl,
      machineClient: machine.id,
      browserClient: browser.id,
    },
  };
}
