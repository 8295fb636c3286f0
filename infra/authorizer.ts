/**
 * The Live API's REQUEST authorizer, which verifies the token or ticket of a new connection, and the
 * Partner API's TOKEN authorizer, which says what a token may call.
 */

import { tokenEnvironment } from "./auth.ts";
import { lambda, onTable } from "./function.ts";
import { settingsOf } from "./stage.ts";
import { connections } from "./storage.ts";

const stage = settingsOf($app.stage);

export const handler = lambda("authorizer", {
  description: "Authorizer of the Live API and the Partner API",
  timeout: "10 seconds",
  environment: { ...tokenEnvironment, ALLOWED_ORIGINS: stage.origins.join(",") },
  permissions: [onTable(connections, "DeleteItem")], // a ticket is deleted when it is used
});
