/** The Live API's REQUEST authorizer: verifies the token or ticket of a new connection. */

import { tokenEnvironment } from "./auth.ts";
import { lambda, onTable } from "./function.ts";
import { settingsOf } from "./stage.ts";
import { connections } from "./storage.ts";

const stage = settingsOf($app.stage);

export const handler = lambda("authorizer", {
  description: "Authorizer of the Live API",
  timeout: "10 seconds",
  environment: { ...tokenEnvironment, ALLOWED_ORIGINS: stage.origins.join(",") },
  permissions: [onTable(connections, "DeleteItem")], // a ticket is deleted when it is used
});
