import * as ChangeLog from "@stockwire/core/changes/log";
import type { Feed } from "@stockwire/core/changes/change";
import * as Connection from "@stockwire/core/live/connection";
import { broadcast } from "@stockwire/core/live/fan-out";
import { AppError } from "@stockwire/core/error";
import * as Offset from "@stockwire/core/changes/offset";
import * as Send from "@stockwire/core/live/send";
import { subscribe } from "@stockwire/core/live/subscription";
import { parse, readScope, type Topic } from "@stockwire/core/changes/topic";
import { enqueue } from "./delivery-queue.ts";
import { bodyFaults, validate } from "../api/input.ts";
import { log } from "../runtime.ts";
import { verify } from "./verify.ts";
import {
  MAX_TOPICS,
  ACTIONS,
  ClientFrame,
  type ERROR_CODES,
  type ServerFrame,
} from "@stockwire/core/live/protocol";

/** What a client's frame does. Whatever it holds, the connection stays, and it is answered. */

const GOAWAY_AFTER = 110 * 60 * 1000; // ms; API Gateway ends a connection after 120 minutes

const LIMITS = {
  topics: MAX_TOPICS,
  frameBytes: 32 * 1024,
  messageBytes: 128 * 1024,
  idleSeconds: 10 * 60,
  connectionSeconds: 2 * 60 * 60,
};

/** A refusal that is told in an `error` frame. */
class Refused extends Error {
  readonly frame: Omit<Extract<ServerFrame, { type: "error" }>, "type">;
  constructor(code: (typeof ERROR_CODES)[number], detail: string, members: object = {}) {
    super(detail);
    this.frame = { code, detail, ...members };
  }
}

type Of<A extends ClientFrame["action"]> = Extract<ClientFrame, { action: A }>;

interface Talk {
  connection: Connection.Connection;
  /** Answers this frame; false once the connection is gone. */
  tell: (frame: Told) => Promise<boolean>;
}

/** Any frame of ours; `replyTo` is added. */
type Told = ServerFrame extends infer Frame
  ? Frame extends ServerFrame
    ? Omit<Frame, "replyTo">
    : never
  : never;

/** Does what a frame asks for, and answers it. Throws only what is no fault of the frame. */
export async function act(connectionId: string, body: string): Promise<void> {
  const connection = await Connection.find(connectionId);
  // Its frame was on the way when it was forgotten.
  if (connection === undefined) return;
  const given = objectOf(body);
  const replyTo = typeof given?.["id"] === "string" ? given["id"].slice(0, 64) : undefined;
  const tell = async (frame: Told) => {
    const text = JSON.stringify(replyTo === undefined ? frame : { ...frame, replyTo });
    return send(connection, text);
  };
  try {
    await dispatch(parseFrame(given), { connection, tell });
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) log.error("action", error, { connectionId });
    await tell({
      type: "error",
      ...(refusal ?? { code: "internal", detail: "This failed on our side" }),
    });
  }
}

/** Posts a frame, and forgets a connection that is no more. */
async function send(connection: Connection.Connection, text: string): Promise<boolean> {
  const outcome = await Send.send(connection, text);
  if (outcome === "gone") await Connection.forget(connection.id);
  return outcome === "sent";
}

function objectOf(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function parseFrame(given: Record<string, unknown> | undefined): ClientFrame {
  if (given === undefined) throw new Refused("invalid_frame", "A frame is a JSON object");
  if (!(ACTIONS as readonly unknown[]).includes(given["action"])) {
    throw new Refused("unknown_action", `An action is one of ${ACTIONS.join(", ")}`);
  }
  const result = validate(ClientFrame, given);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap(bodyFaults).slice(0, 20);
  throw new Refused("invalid_frame", errors[0]?.detail ?? "Not a frame of this action", { errors });
}

function refusalOf(error: unknown): Refused["frame"] | undefined {
  if (error instanceof Refused) return error.frame;
  if (!(error instanceof AppError)) return undefined;
  if (error.code === "invalid_cursor") return { code: "invalid_cursor", detail: error.message };
  if (error.code === "unavailable") return { code: "unavailable", detail: error.message };
  return undefined;
}

async function dispatch(frame: ClientFrame, talk: Talk): Promise<void> {
  if (frame.action === "auth") return auth(frame, talk);
  if (hasEnded(talk.connection)) return farewell(talk);
  switch (frame.action) {
    case "hello":
      return hello(talk);
    case "subscribe":
      return begin(frame, talk);
    case "unsubscribe":
      return end(frame, talk);
    case "ping":
      return ping(talk);
    case "message":
      return message(frame, talk);
    case "join":
      return join(frame, talk);
    case "leave":
      return leave(frame, talk);
  }
}

const hasEnded = ({ authExpiresAt }: Connection.Connection): boolean =>
  authExpiresAt !== undefined && authExpiresAt <= Date.now();

/** A connection ends with its token; `auth` in time would have given it another. */
async function farewell({ connection, tell }: Talk): Promise<void> {
  await tell({ type: "error", code: "unauthenticated", detail: "The token has expired" });
  await Connection.forget(connection.id);
  await Send.disconnect(connection);
}

async function hello({ connection, tell }: Talk): Promise<void> {
  const { id, sub, scopes } = connection;
  await tell({
    type: "welcome",
    connectionId: id,
    sub,
    scopes: [...scopes],
    authExpiresAt: timeOf(connection),
    limits: LIMITS,
  });
}

const timeOf = ({ authExpiresAt }: Pick<Connection.Connection, "authExpiresAt">) =>
  authExpiresAt === undefined ? null : new Date(authExpiresAt).toISOString();

const permits = ({ scopes }: Pick<Connection.Connection, "scopes">, scope: string): boolean =>
  scopes.includes(scope) || scopes.includes("admin");

async function begin({ topics: texts, since }: Of<"subscribe">, { connection, tell }: Talk) {
  const topics = topicsOf(texts);
  const forbidden = topics.filter(({ feed }) => !permits(connection, readScope(feed)));
  if (forbidden.length > 0) {
    throw new Refused("forbidden_topic", "The token's scopes do not permit these", {
      topics: forbidden.map(({ text }) => text),
    });
  }
  const known = new Set((await Connection.topicsOf(connection.id)).map(({ key }) => key));
  for (const { key } of topics) known.add(key);
  if (known.size > MAX_TOPICS) {
    throw new Refused("too_many_topics", `A connection has at most ${MAX_TOPICS} topics`);
  }
  const port = { tell, send: (frame: string) => send(connection, frame) };
  await subscribe(connection, topics, since, port);
}

async function makeSureOfRoom({ id }: Connection.Connection, topics: readonly { key: string }[]) {
  const known = [...(await Connection.topicsOf(id)), ...topics].map(({ key }) => key);
  if (new Set(known).size > MAX_TOPICS) {
    throw new Refused(
      "too_many_topics",
      `A connection has at most ${MAX_TOPICS} topics and channels`,
    );
  }
}

function topicsOf(texts: readonly string[]): Topic[] {
  const parsed = new Map(texts.map((text) => [text, parse(text)]));
  const unknown = texts.filter((text) => parsed.get(text) === undefined);
  if (unknown.length > 0) {
    const errors = unknown.slice(0, 20).map((text) => ({
      pointer: `/topics/${texts.indexOf(text)}`,
      code: "unknown_topic",
      detail: "Not a topic",
    }));
    throw new Refused("unknown_topic", "These are no topics", { errors });
  }
  return [...parsed.values()].filter((topic) => topic !== undefined);
}

async function end({ topics: texts }: Of<"unsubscribe">, { connection, tell }: Talk) {
  const topics = topicsOf(texts);
  await Connection.unsubscribe(
    connection.id,
    topics.map(({ key }) => key),
  );
  await tell({ type: "unsubscribed", topics: topics.map(({ text }) => text) });
}

/** The newest position of each feed that the connection listens to. */
async function ping({ connection, tell }: Talk): Promise<void> {
  const topics = await Connection.topicsOf(connection.id);
  const feeds = new Set(topics.flatMap(({ text }) => parse(text)?.feed ?? []));
  const { seqs, at } = await ChangeLog.heads([...feeds]);
  const heads = Object.fromEntries(
    Object.entries(seqs).map(([feed, seq]) => [
      feed,
      Offset.encode({ seqs: { [feed as Feed]: seq }, at }),
    ]),
  );
  const old = Date.now() - connection.connectedAt >= GOAWAY_AFTER;
  await tell({ type: old ? "goaway" : "pong", heads });
}

const channelTopic = (channel: string) => ({
  key: `channel/${channel}`,
  text: `channel/${channel}`,
});

async function join({ channel }: Of<"join">, { connection, tell }: Talk): Promise<void> {
  const topics = [channelTopic(channel)];
  await makeSureOfRoom(connection, topics);
  await Connection.subscribe(connection, topics);
  await tell({ type: "joined", channel });
}

async function leave({ channel }: Of<"leave">, { connection, tell }: Talk): Promise<void> {
  await Connection.unsubscribe(connection.id, [channelTopic(channel).key]);
  await tell({ type: "left", channel });
}

async function message({ message: text, channel }: Of<"message">, { connection }: Talk) {
  if (!permits(connection, "publish:channels")) {
    throw new Refused("insufficient_scope", "This needs the scope publish:channels");
  }
  const frame = {
    type: "message",
    from: connection.id,
    sub: connection.sub,
    channel,
    message: text,
    at: new Date().toISOString(),
  } satisfies ServerFrame;
  const tally = await broadcast(channelTopic(channel).key, JSON.stringify(frame), { enqueue });
  log.info("broadcast", { ...tally });
}

/** A fresh token in place. Topics that it does not permit end, and the client is told. */
async function auth({ token }: Of<"auth">, { connection, tell }: Talk): Promise<void> {
  const caller = await verify(token);
  if (caller === undefined) throw new Refused("unauthenticated", "This token is not good");
  if (caller.sub !== connection.sub) {
    throw new Refused("wrong_subject", "This token is another subject's");
  }
  const { scopes, expiresAt } = caller;
  const authExpiresAt = expiresAt === null ? undefined : Date.parse(expiresAt);
  const topics = (await Connection.topicsOf(connection.id)).map(({ text }) => parse(text));
  const lost = topics.filter((topic) => topic && !permits({ scopes }, readScope(topic.feed)));
  const ended = lost.filter((topic) => topic !== undefined);
  await Connection.unsubscribe(
    connection.id,
    ended.map(({ key }) => key),
  );
  await Connection.renew({ ...connection, scopes, authExpiresAt });
  if (ended.length > 0) {
    await tell({ type: "unsubscribed", topics: ended.map(({ text }) => text) });
  }
  await tell({ type: "ack", authExpiresAt: timeOf({ authExpiresAt }) });
}
