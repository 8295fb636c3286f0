/** The AsyncAPI document's description of the API as a whole, its servers and its handshake. */

import { MAX_CONNECTIONS } from "@stockwire/core/live/connection";
import { MAX_TOPICS } from "@stockwire/core/live/protocol";
import { MAX_REPLAY } from "@stockwire/core/live/subscription";
import { FEEDS } from "@stockwire/core/catalog/index";
import { readScope } from "@stockwire/core/changes/topic";

/** A Markdown list of names with their explanations. */
export const markdownList = (entries: Readonly<Record<string, string>>) =>
  Object.entries(entries)
    .map(([name, text]) => `- \`${name}\`: ${text}`)
    .join("\n");

export const about = `Sends every change of a user, product, inventory level, item or reservation as it happens.

A client frame has an \`action\` and may have an \`id\`; its replies repeat the id as \`replyTo\`. A server frame has a \`type\`. Clients must ignore members that they do not know.

**Guarantees**

1. No silent loss: every change after the cursor that a client resumes from arrives. If it cannot, a \`reset\` says so.
2. Without duplicates, the \`seq\` numbers of a feed have no gaps. Frames can overtake each other: ignore a change whose \`version\` is not newer than the one that you have of this record.
3. Delivery is at least once; \`feed\` and \`seq\` identify a duplicate.
4. A write that starts after \`subscribed\` was sent is delivered.
5. The records of a read, with the changes after its \`Feed-Cursor\` applied, give the current state.

**Resuming**

- Keep the last cursor of a \`Feed-Cursor\`, \`subscribed\`, \`caught_up\`, \`reset\` or \`events\` frame that has one, and subscribe with it as \`since\`, to the same topics. Live \`events\` frames have no cursor, because older changes may still be on their way.
- To move the cursor on, subscribe again with it from time to time, on the same connection. Changes may arrive a second time; \`caught_up\` has the new cursor.
- In the topic of a whole feed, the \`cursor\` of a change can be used as well, once every lower \`seq\` after the first cursor has arrived.
- A cursor covers the feeds of the subscribe frame or of the read that it came from.

**Topics** need the scope that reads their feed:

${markdownList(Object.fromEntries(FEEDS.map((feed) => [feed, readScope(feed)])))}

**Limits**: ${MAX_CONNECTIONS} connections per caller, ${MAX_TOPICS} topics and channels per connection besides the channel \`lobby\`, 128 KiB per message in WebSocket frames of at most 32 KiB, 10 minutes idle, 2 hours per connection. A client that missed more than ${MAX_REPLAY} changes of a feed gets a \`reset\`.

**Handshake**: 401 without a valid credential, 403 from an origin that is not allowed, 429 if the caller has too many connections.`;

export const securitySchemes = {
  token: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "RS256" },
  subprotocol: {
    type: "httpApiKey",
    in: "header",
    name: "Sec-WebSocket-Protocol",
    description:
      'For browsers: `new WebSocket(url, ["stockwire.v1", "bearer.<jwt>"])`. The server selects `stockwire.v1`.',
  },
  ticket: {
    type: "httpApiKey",
    in: "query",
    name: "ticket",
    description:
      "A ticket from `POST /live/tickets`: valid once, for 60 seconds and for its caller only",
  },
};

const security = Object.keys(securitySchemes).map((name) => ({
  $ref: `#/components/securitySchemes/${name}`,
}));

/** Placeholders, as the host of `cloud` is one: the repository does not know who runs a stage. */
export const contact = {
  name: "The operator of the stage",
  url: "https://api.example.com",
  email: "operator@example.com",
};

export const servers = {
  cloud: {
    host: "{host}",
    protocol: "wss",
    protocolVersion: "13",
    variables: { host: { default: "api.example.com", description: "Host of the deployed stage" } },
    security,
  },
  laptop: {
    host: "localhost:{port}",
    protocol: "ws",
    protocolVersion: "13",
    description: "The local server: `npm run dev`",
    variables: { port: { default: "3000" } },
    security,
  },
};

/** A token in the query string is refused, because URLs are written to access logs. */
export const handshake = {
  method: "GET",
  headers: {
    type: "object",
    properties: {
      Authorization: { type: "string", pattern: "^[Bb]earer \\S+$" },
      "Sec-WebSocket-Protocol": {
        type: "string",
        description: "The subprotocols that the client offers",
        examples: ["stockwire.v1, bearer.eyJhbGciOiJSUzI1NiJ9.e30.c2ln"],
      },
    },
  },
  query: {
    type: "object",
    properties: { ticket: { type: "string" } },
    additionalProperties: false,
  },
  bindingVersion: "0.1.0",
};
