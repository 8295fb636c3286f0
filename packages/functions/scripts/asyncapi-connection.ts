import { MAX_CONNECTIONS } from "@stockwire/core/live/connection";
import { MAX_TOPICS } from "@stockwire/core/live/protocol";
import { MAX_REPLAY } from "@stockwire/core/live/subscription";
import { FEEDS } from "@stockwire/core/catalog/index";
import { readScope } from "@stockwire/core/changes/topic";

/** What the document says of the API as a whole, and of connecting to it. */

/** A list in Markdown. */
export const listed = (entries: Readonly<Record<string, string>>) =>
  Object.entries(entries)
    .map(([name, text]) => `- \`${name}\`: ${text}`)
    .join("\n");

export const about = `Every change of a user, product, inventory level, item or reservation, told as it happens.

Client frames carry \`action\` and may carry \`id\`, which comes back as \`replyTo\`; server frames carry \`type\`. Clients ignore members that they do not know.

**Guarantees**

1. No silent loss: every event after the cursor arrives, or the client is told, by \`reset\` or by a gap that \`heads\` of \`pong\` shows.
2. Per record, versions arrive in order; per feed, \`seq\` has no gaps once duplicates are gone.
3. At least once; \`feed\` and \`seq\` identify a duplicate.
4. \`subscribed\` is true: a write that starts after it was sent is delivered.
5. The records of a read and the events after its \`Feed-Cursor\` give the current state.

**Topics** need the scope that reads their feed:

${listed(Object.fromEntries(FEEDS.map((feed) => [feed, readScope(feed)])))}

**Limits**: ${MAX_CONNECTIONS} connections a caller, ${MAX_TOPICS} topics and channels a connection, 128 KiB a message in WebSocket frames of at most 32 KiB, 10 minutes idle, 2 hours a connection. More than ${MAX_REPLAY} missed changes of a feed are a \`reset\`.

**Handshake**: 401 without a good credential, 403 from an origin that is not allowed, 429 over the connections of a caller.`;

export const securitySchemes = {
  token: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "RS256" },
  subprotocol: {
    type: "httpApiKey",
    in: "header",
    name: "Sec-WebSocket-Protocol",
    description:
      'For browsers: `new WebSocket(url, ["stockwire.v1", "bearer.<jwt>"])`. The answer is `stockwire.v1` alone.',
  },
  ticket: {
    type: "httpApiKey",
    in: "query",
    name: "ticket",
    description: "From `POST /live/tickets`: for 60 s, once, and for its caller",
  },
};

const security = Object.keys(securitySchemes).map((name) => ({
  $ref: `#/components/securitySchemes/${name}`,
}));

export const servers = {
  cloud: {
    host: "{host}",
    protocol: "wss",
    protocolVersion: "13",
    variables: { host: { default: "api.example.com", description: "Where it is deployed" } },
    security,
  },
  laptop: {
    host: "localhost:{port}",
    protocol: "ws",
    protocolVersion: "13",
    description: "`npm run dev`",
    variables: { port: { default: "3000" } },
    security,
  },
};

/** A token in the query string is not accepted: it would stand in logs. */
export const handshake = {
  method: "GET",
  headers: {
    type: "object",
    properties: {
      Authorization: { type: "string", pattern: "^[Bb]earer \\S+$" },
      "Sec-WebSocket-Protocol": {
        type: "string",
        description: "The subprotocols that are offered",
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
