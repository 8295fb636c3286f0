import { Change } from "@stockwire/core/changes/change";
import * as z from "zod";
import packageJson from "../package.json" with { type: "json" };
import { ClientFrame, ServerFrame } from "@stockwire/core/live/protocol";
import {
  about,
  contact,
  handshake,
  markdownList,
  securitySchemes,
  servers,
} from "./asyncapi-connection.ts";
import { clientFrames, errorCodes, frameMembers, serverFrames } from "./asyncapi-frames.ts";
import { describeMembers, type Json, namedSchemas } from "./json-schema.ts";
import { members as changeMembers } from "./openapi-text.ts";

/** The AsyncAPI 3.1 document of the Live API, made from the schemas that validate its frames. */
export function asyncapi(): Json {
  return {
    asyncapi: "3.1.0",
    info: {
      title: "Stockwire Live API",
      version: packageJson.version,
      description: about,
      contact,
      tags: [
        { name: "Changes", description: "Subscriptions to changes, and the changes themselves" },
        { name: "Channels", description: "Messages between clients" },
        { name: "Connection", description: "The connection, its token and its limits" },
      ],
      license: { name: "MIT", url: "https://spdx.org/licenses/MIT.html" },
    },
    defaultContentType: "application/json",
    servers,
    channels: {
      live: {
        address: "/live",
        title: "Live API",
        description:
          "One WebSocket connection. Each message is one frame: a JSON object in a text message.",
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
        request: { description: "Repeated as `replyTo`", location: "$message.payload#/id" },
        reply: {
          description: "The `id` of the client frame that this frame answers",
          location: "$message.payload#/replyTo",
        },
      },
    },
  };
}

/** `ServerCaughtUp` for the server's `caught_up`. The side is needed: `message` is an action and a type. */
const idOf = (side: "Client" | "Server", name: string) =>
  side + name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());

interface Message {
  id: string;
  name: string; // the value of `action` or `type`
  schema: z.ZodObject;
  summary: string;
  description?: string;
  correlation?: "request" | "reply";
  example: Json;
}

const messages: readonly Message[] = [
  ...ClientFrame.options.map((schema): Message => {
    const name = schema.shape.action.value;
    const { summary, example } = clientFrames[name];
    return { id: idOf("Client", name), name, schema, summary, correlation: "request", example };
  }),
  ...ServerFrame.unwrap().options.map((schema): Message => {
    const name = schema.shape.type.value;
    const { summary, example } = serverFrames[name];
    return {
      id: idOf("Server", name),
      name,
      schema,
      summary,
      ...(name === "error" && { description: markdownList(errorCodes) }),
      ...("replyTo" in schema.shape && { correlation: "reply" }),
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

/** `a`, `b` or `c`. */
const listOf = (names: readonly string[]) =>
  names
    .map((name) => `\`${name}\``)
    .join(", ")
    .replace(/, (?=[^,]*$)/, " or ");

const live = { $ref: "#/channels/live" };
const inChannel = (id: string) => ({ $ref: `#/channels/live/messages/${id}` });

/** AsyncAPI describes the application's side: `receive` is for client frames, `send` for server frames. */
function operations(): Json {
  const received = Object.entries(clientFrames).map(([name, { summary, replies }]) => [
    `receive${idOf("Client", name).slice("Client".length)}`,
    {
      action: "receive",
      channel: live,
      summary,
      description: `Answered by ${listOf([...replies, "error"])}, with the frame's \`id\` as \`replyTo\`.`,
      messages: [inChannel(idOf("Client", name))],
      reply: {
        channel: live,
        messages: [...replies, "error"].map((type) => inChannel(idOf("Server", type))),
      },
    },
  ]);
  const sent = Object.entries(serverFrames).flatMap(([name, { summary, unsolicited }]) => {
    const id = idOf("Server", name);
    if (unsolicited === undefined) return [];
    const operation = {
      action: "send",
      channel: live,
      summary,
      description: unsolicited,
      messages: [inChannel(id)],
    };
    return [[`send${id.slice("Server".length)}`, operation]];
  });
  return Object.fromEntries([...received, ...sent]);
}

/** JSON Schemas in draft-07, because AsyncAPI 3.1's schema object extends that version. */
function schemas(): Json {
  const registry = z.registry<{ id: string }>();
  registry.add(Change.unwrap(), { id: "Change" });
  for (const { id, schema } of messages) registry.add(schema, { id });
  const all = namedSchemas(registry, "draft-7");
  const inChange = (member: string) => changeMembers[`Change.${member}`] ?? changeMembers[member];
  describeMembers(all, (id, member) =>
    id === "Change" ? inChange(member) : (frameMembers[`${id}.${member}`] ?? frameMembers[member]),
  );
  return all;
}
