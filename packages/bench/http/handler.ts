/** The HTTP handler as the laptop runs it: with the transport that it uses for its own engine. */

import { openSocketTransport } from "@stockwire/local/transport/socket";
import { useTransport } from "@stockwire/core/store/client";

/** Loads the handler, whose client takes its transport while it loads. */
export async function loadHandler() {
  useTransport(openSocketTransport);
  return (await import("@stockwire/functions/handlers/http")).handler;
}
