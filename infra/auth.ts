import { scopes } from "@stockwire/functions/api/policy";
import { RESOURCE_SERVER } from "@stockwire/functions/api/policy";
import { settingsOf } from "./stage.ts";

/** Who issues the tokens: a Cognito pool of the stage's own, or an issuer that is there already. */

const { otherIssuer, origins, domains, isProtected } = settingsOf($app.stage);
const HOUR = 60; // minutes

export const { issuer, audiences, outputs } = otherIssuer
  ? { ...otherIssuer, outputs: {} }
  : cognito();

function cognito() {
  const suffix = new random.RandomId("AuthDomain", { byteLength: 4 });
  const pool = new sst.aws.CognitoUserPool("Users", {
    usernames: ["email"],
    domain: { prefix: $interpolate`${$app.name}-${$app.stage}-${suffix.hex}` },
    transform: {
      userPool: {
        // Whoever signs in may ask for the browser client's scopes: so people are invited.
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
          explicitAuthFlows: ["ALLOW_REFRESH_TOKEN_AUTH"], // no passwords
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
    // The console comes back to itself.
    callbackUrls: pages.flatMap((origin) => [`${origin}/callback`, `${origin}/console`]),
    transform: {
      client: (args, options) => {
        options.dependsOn = [server];
        Object.assign(args, {
          // A client without a secret proves itself with PKCE.
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
    // Access tokens of Cognito have `client_id` in the place of `aud`.
    audiences: [machine.id, browser.id],
    outputs: {
      authUrl: pool.domainUrl,
      machineClient: machine.id,
      browserClient: browser.id,
    },
  };
}
