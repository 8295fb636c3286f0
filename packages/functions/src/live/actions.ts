/** What each client frame does: one function per action, in a table keyed by `action`. */

import * as ChangeLog from "@stockwire/core/changes/log";
import * as Offset from "@stockwire/core/changes/offset";
import { parse, readScope, type Topic } from "@stockwire/core/changes/topic";
import { newId } from "@stockwire/core/id";
import * as Connection from "@stockwire/core/live/connection";
import { broadcast } from "@stockwire/core/live/fan-out";
import { type ClientFrame, MAX_TOPICS, type ServerFrame } from "@stockwire/core/live/protocol";
import { subscribe } from "@stockwire/core/live/subscription";
import { permits } from "../api/caller.ts";
import { log } from "../runtime.ts";
import { enqueue } from "./delivery-queue.ts";
import { leaveToQueue, replayDeadline } from "./replay.ts";
import { Refusal, type Session } from "./session.ts";
import { closeExpired, hasExpired, rescheduleTokenEnd } from "./token-end.ts";
import { verifyToken } from "./token.ts";

type Action = ClientFrame["action"];
type FrameOf<A extends Action> = Extract<ClientFrame, { action: A }>;

const actions: { [A in Action]: (frame: FrameOf<A>, session: Session) => Promise<void> } = {
  hello,
  subscribe: subscribeTopics,
  unsubscribe,
  ping,
  message,
  join,
  leave,
  auth,
};

/** Performs the action of a frame. Only `auth` is possible once the token has expired. */
export async function perform(frame: ClientFrame, session: Session): Promise<void> {
  if (frame.action !== "auth" && hasExpired(session.connection)) {
    await closeExpired(session.connection, session.reply);
    return undefined;
  }
  const action = actions[frame.action] as (frame: ClientFrame, session: Session) => Promise<void>;
  return action(frame, session);
}

/** API Gateway's limits of a connection, and our own. https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html */
const LIMITS = {
  topics: MAX_TOPICS,
  frameBytes: 32 * 1024,
  messageBytes: 128 * 1024,
  idleSeconds: 10 * 60,
  connectionSeconds: 2 * 60 * 60,
};

async function hello(_frame: FrameOf<"hello">, { connection, reply }: Session): Promise<void> {
  const { id, sub, scopes } = connection;
  await reply({
    type: "welcome",
    connectionId: id,
    sub,
    scopes: [...scopes],
    authExpiresAt: isoExpiry(connection),
    limits: LIMITS,
  });
}

const isoExpiry = ({ authExpiresAt }: Pick<Connection.Connection, "authExpiresAt">) =>
  authExpiresAt === undefined ? null : new Date(authExpiresAt).toISOString();

/** Replies `subscribed`, replays what was missed since the cursor, then replies `caught_up`. */
async function subscribeTopics(
  { topics: texts, since }: FrameOf<"subscribe">,
  session: Session,
): Promise<void> {
  const { connection, reply, send } = session;
  const topics = parseTopics(texts);
  const forbidden = topics.filter((topic) => !permitsTopic(connection, topic));
  if (forbidden.length > 0) throw forbiddenTopics(forbidden);
  await requireRoom(connection, topics, "topics");
  const until = replayDeadline();
  const guard = { permits: permitsTopic, refusal: forbiddenTopics };
  const rest = await subscribe(connection, topics, since, { reply, send }, until, guard);
  await leaveToQueue(session, rest);
}

const permitsTopic = (token: { scopes: readonly string[] }, { feed }: Topic) =>
  permits(token, readScope(feed));

const forbiddenTopics = (topics: readonly Topic[]) =>
  new Refusal("forbidden_topic", "The token's scopes do not permit these", {
    topics: topics.map(({ text }) => text),
  });

/** Throws `too_many_topics` if the connection would have more topics and channels than it may. */
async function requireRoom(
  { id }: Connection.Connection,
  topics: readonly { key: string }[],
  what: string,
): Promise<void> {
  const keys = new Set([...(await Connection.topicsOf(id)), ...topics].map(({ key }) => key));
  keys.delete(Connection.LOBBY);
  if (keys.size > MAX_TOPICS) {
    throw new Refusal("too_many_topics", `A connection has at most ${MAX_TOPICS} ${what}`);
  }
}

/** Throws `unknown_topic`, which points at each text that is not a topic. */
function parseTopics(texts: readonly string[]): Topic[] {
  const parsed = new Map(texts.map((text) => [text, parse(text)])); // a text may be given twice
  const unknown = [...parsed.keys()].filter((text) => parsed.get(text) === undefined);
  if (unknown.length > 0) {
    const errors = unknown.slice(0, 20).map((text) => ({
      pointer: `/topics/${texts.indexOf(text)}`,
      code: "unknown_topic",
      detail: "Not a topic",
    }));
    throw new Refusal("unknown_topic", "These are no topics", { errors });
  }
  return [...parsed.values()].filter((topic) => topic !== undefined);
}

async function unsubscribe(
  { topics: texts }: FrameOf<"unsubscribe">,
  { connection, reply }: Session,
): Promise<void> {
  const topics = parseTopics(texts);
  await Connection.unsubscribe(
    connection.id,
    topics.map(({ key }) => key),
  );
  await reply({ type: "unsubscribed", topics: topics.map(({ text }) => text) });
}

/** API Gateway ends a connection after 120 minutes: ten before, the client is asked to move. */
const GOAWAY_AFTER = 110 * 60 * 1000; // ms

/** Replies the newest cursor of each feed that the connection subscribes to. */
async function ping(_frame: FrameOf<"ping">, { connection, reply }: Session): Promise<void> {
  const topics = await Connection.topicsOf(connection.id);
  const feeds = new Set(topics.flatMap(({ text }) => parse(text)?.feed ?? []));
  const ends = await ChangeLog.heads([...feeds]);
  const heads = Object.fromEntries(
    [...feeds].map((feed) => [feed, Offset.encode(Offset.ofFeed(ends, feed))]),
  );
  const old = Date.now() - connection.connectedAt >= GOAWAY_AFTER;
  await reply({ type: old ? "goaway" : "pong", heads });
}

const channelTopic = (channel: string) => ({
  key: `channel/${channel}`,
  text: `channel/${channel}`,
});

async function join({ channel }: FrameOf<"join">, { connection, reply }: Session): Promise<void> {
  const topics = [channelTopic(channel)];
  await requireRoom(connection, topics, "topics and channels");
  await Connection.join(connection, topics);
  await reply({ type: "joined", channel });
}

async function leave({ channel }: FrameOf<"leave">, { connection, reply }: Session): Promise<void> {
  await Connection.unsubscribe(connection.id, [channelTopic(channel).key]);
  await reply({ type: "left", channel });
}

/** Sends a text to everyone in a channel, its sender included; the sender gets no other answer. */
async function message(
  { message: text, channel }: FrameOf<"message">,
  { connection }: Session,
): Promise<void> {
  if (!permits(connection, "publish:channels")) {
    throw new Refusal("insufficient_scope", "This needs the scope publish:channels");
  }
  const frame = {
    type: "message",
    id: newId(),
    from: connection.id,
    sub: connection.sub,
    channel,
    message: text,
    at: new Date().toISOString(),
  } satisfies ServerFrame;
  const counts = await broadcast(channelTopic(channel).key, JSON.stringify(frame), { enqueue });
  log.info("broadcast", { ...counts });
}

/** Replaces the token. Topics that the new token does not permit end, and the client is notified. */
async function auth({ token }: FrameOf<"auth">, { connection, reply }: Session): Promise<void> {
  const caller = await verifyToken(token);
  if (caller === undefined) throw new Refusal("unauthenticated", "This token is not good");
  if (caller.sub !== connection.sub) {
    throw new Refusal("wrong_subject", "This token is another subject's");
  }
  const authExpiresAt = caller.expiresAt === null ? undefined : Date.parse(caller.expiresAt);
  const renewed = { ...connection, scopes: caller.scopes, authExpiresAt };
  const lost = await Connection.renew(renewed, (text) => {
    const topic = parse(text); // undefined for a channel, which needs no scope
    return topic === undefined || permitsTopic(caller, topic);
  });
  await rescheduleTokenEnd(connection, renewed);
  for (const texts of chunksOf(lost.map(({ text }) => text))) {
    await reply({ type: "unsubscribed", topics: texts });
  }
  await reply({ type: "ack", authExpiresAt: isoExpiry({ authExpiresAt }) });
}

/**
 * Topics in one `unsubscribed` frame that no client frame has listed. A topic has at most 1024
 * characters, each at most six bytes as JSON, so the frame fits API Gateway's 128 KB.
 */
const MAX_LISTED = 20;

const chunksOf = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(all.length / MAX_LISTED) }, (_, n) =>
    all.slice(n * MAX_LISTED, (n + 1) * MAX_LISTED),
  );
