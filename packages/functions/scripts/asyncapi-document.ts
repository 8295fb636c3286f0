import { Change } from "@stockwire/core/changes/change";
import * as z from "zod";
import packageJson from "../package.json" with { type: "json" };
import { ClientFrame, ServerFrame } from "@stockwire/core/live/protocol";
import { about, handshake, listed, securitySchemes, servers } from "./asyncapi-connection.ts";
import { clientFrames, errorCodes, serverFrames } from "./asyncapi-frames.ts";

type Json = Record<string, unknown>;

/** The AsyncAPI 3.0 document of the Live API, from the schemas of its frames. */
export function asyncapi(): Json {
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Stockwire Live API",
      version: packageJson.version,
      description: about,
      license: { name: "MIT", url: "https://spdx.org/licenses/MIT.html" },
    },
    defaultContentType: "application/json",
    servers,
    channels: {
      live: {
        address: "/live",
        title: "Live API",
        description: "One WebSocket; each message is one frame, a JSON object in text.",
        messages: Object.fromEntries(
          messages.map(({ id }) => [id, { $ref: `#/components/messages/${id}` }]),
        ),
        bindings: { ws: handshake },
      },
    },
    operations: operations(),
    components: {
      schemas: schemas(),
      messages: Object.fromEntries(messages.map((message) => [message.id, messageOf(message)])),
      securitySchemes,
      correlationIds: {
        asked: { description: "Comes back as `replyTo`", location: "$message.payload#/id" },
        answered: {
          description: "`id` of the frame that this answers",
          location: "$message.payload#/replyTo",
        },
      },
    },
  };
}

/** `ServerCaughtUp` for the server's `caught_up`: an action and a type can have one name. */
const idOf = (side: "Client" | "Server", name: string) =>
  side + name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());

interface Message {
  id: string;
  name: string; // on the wire
  schema: z.ZodObject;
  summary: string;
  description?: string;
  correlation?: "asked" | "answered";
  example: Json;
}

const messages: readonly Message[] = [
  ...ClientFrame.options.map((schema): Message => {
    const name = schema.shape.action.value;
    const { summary, example } = clientFrames[name];
    return { id: idOf("Client", name), name, schema, summary, correlation: "asked", example };
  }),
  ...ServerFrame.options.map((schema): Message => {
    const name = schema.shape.type.value;
    const { summary, example } = serverFrames[name];
    return {
      id: idOf("Server", name),
      name,
      schema,
      summary,
      ...(name === "error" && { description: listed(errorCodes) }),
      ...("replyTo" in schema.shape && { correlation: "answered" }),
      example,
    };
  }),
];

const messageOf = ({ id, name, summary, description, correlation, example }: Message): Json => ({
  name,
  summary,
  ...(description !== undefined && { description }),
  payload: { $ref: `#/components/schemas/${id}` },
  ...(correlation && { correlationId: { $ref: `#/components/correlationIds/${correlation}` } }),
  examples: [{ payload: example }],
});

const live = { $ref: "#/channels/live" };
const inChannel = (id: string) => ({ $ref: `#/channels/live/messages/${id}` });

/** As the application sees it: it receives what clients send. */
function operations(): Json {
  const received = Object.entries(clientFrames).map(([name, { summary, replies }]) => [
    `receive${idOf("Client", name).slice("Client".length)}`,
    {
      action: "receive",
      channel: live,
      summary,
      messages: [inChannel(idOf("Client", name))],
      reply: {
        channel: live,
        messages: [...replies, "error"].map((type) => inChannel(idOf("Server", type))),
      },
    },
  ]);
  const sent = Object.entries(serverFrames).flatMap(([name, { summary, unasked }]) => {
    const id = idOf("Server", name);
    const operation = { action: "send", channel: live, summary, messages: [inChannel(id)] };
    return unasked ? [[`send${id.slice("Server".length)}`, operation]] : [];
  });
  return Object.fromEntries([...received, ...sent]);
}

/** JSON Schema draft-07, which AsyncAPI's own schemas are a superset of. */
function schemas(): Json {
  const named = z.registry<{ id: string }>();
  named.add(Change, { id: "Change" });
  for (const { id, schema } of messages) named.add(schema, { id });
  const made = z.toJSONSchema(named, {
    target: "draft-7",
    io: "input", // a client takes what is new in a frame of ours
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(made.schemas).map(([id, { $schema: _schema, $id: _id, ...schema }]) => [
      id,
      schema,
    ]),
  );
}
