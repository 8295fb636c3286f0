/**
 * Live connections and their subscriptions. A subscription has two rows: one under its
 * topic, where a delivery finds it, and a reverse row under its connection, where its end finds it.
 * All reads are strongly consistent, and every row expires by TTL, so that a crash leaves nothing
 * for ever.
 */

import { createHash } from "node:crypto";
import {
  type Attributes,
  type Key,
  put,
  query,
  read,
  update,
  writeAll,
} from "../store/dynamodb.ts";
import { ConditionFailed } from "../store/retry.ts";
import * as Send from "./send.ts";

export interface Connection {
  id: string;
  /** The management endpoint of the gateway that has the socket. */
  endpoint: string;
  sub: string;
  kind: string;
  scopes: readonly string[];
  /** When the token expires, in epoch ms; undefined for a token that does not. */
  authExpiresAt?: number | undefined;
  connectedAt: number; // epoch ms
}

/** What a delivery needs to know of a connection. */
export type Subscriber = Pick<Connection, "id" | "endpoint" | "authExpiresAt">;

export const MAX_CONNECTIONS = 20; // of one caller
/** The channel that every connection joins when it opens. */
export const LOBBY = "channel/lobby";

/**
 * Seconds from the connection's start; API Gateway closes it after 120 minutes.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
const LIFETIME = 130 * 60;
/** Ms in which a handshake ends. Until then API Gateway reports the connection as gone. */
const HANDSHAKE = 60_000;
/**
 * Ms in which the handshake of a connection ends in practice. After it a connection that API Gateway
 * does not know frees the place that it takes of its caller's limit.
 */
const USUAL_HANDSHAKE = 5_000;
const RENEWED_AT_A_TIME = 25; // rows

const TABLE = "Connections";
const connectionKey = (id: string): Key => ({ pk: `CONNECTION#${id}`, sk: "CONNECTION" });
const reverseKey = (id: string, topic: string): Key => ({
  pk: `CONNECTION#${id}`,
  sk: `TOPIC#${topic}`,
});
const topicKey = (topic: string, id: string): Key => ({ pk: `TOPIC#${topic}`, sk: id });
const callerKey = (sub: string): Key => ({ pk: `CALLER#${digest(sub)}`, sk: "CALLER" });

/** Callers are hashed so that a name cannot look like another key, tickets so that none is stored. */
export const digest = (text: string) => createHash("sha256").update(text).digest("base64url");

const expiryOf = (connectedAt: number) => Math.floor(connectedAt / 1000) + LIFETIME;

/** TTL deletes within days, so reads treat an expired row as absent, and one whose end is no time. */
export const isExpired = (row: Attributes) => !(Number(row["expiresAt"]) > Date.now() / 1000);

/**
 * Stores a new connection, as a member of the lobby. Returns false if its caller has too many
 * connections. Throws `unavailable`.
 */
export async function open(connection: Connection): Promise<boolean> {
  if (!(await addToCaller(connection))) return false;
  const lobby = subscriptionRows(connection, [{ key: LOBBY, text: LOBBY }]);
  await writeAll([{ put: connectionRow(connection) }, ...lobby], TABLE);
  return true;
}

const connectionRow = (connection: Connection): Attributes => ({
  ...connectionKey(connection.id),
  ...connection,
  expiresAt: expiryOf(connection.connectedAt),
});

type CallerConnection = Pick<Connection, "id" | "endpoint" | "sub" | "connectedAt">;

/** A connection as an entry of its caller's set. */
const entryOf = ({ id, endpoint, connectedAt }: CallerConnection) =>
  `${id} ${connectedAt} ${endpoint}`;

/**
 * Adds a connection to its caller's set, unless the set is full. All of a caller's connections are
 * one set in one item, so that a condition can bound their number exactly. API Gateway does not
 * guarantee `$disconnect`, so a full set is first freed of connections that are gone.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
 */
async function addToCaller(connection: CallerConnection): Promise<boolean> {
  const entry = entryOf(connection);
  for (let tries = 1; ; tries++) {
    try {
      await update(
        {
          Key: callerKey(connection.sub),
          UpdateExpression: "SET expiresAt = :expiresAt ADD connections :entries",
          // `contains`: a repeated update finds its entry in a set that is full.
          ConditionExpression:
            "attribute_not_exists(connections) OR size(connections) < :max OR contains(connections, :entry)",
          ExpressionAttributeValues: {
            ":expiresAt": expiryOf(connection.connectedAt),
            ":entries": new Set([entry]),
            ":entry": entry,
            ":max": MAX_CONNECTIONS,
          },
        },
        TABLE,
      );
      return true;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      const others = [...((error.old?.["connections"] ?? []) as Iterable<string>)];
      if (tries > 1 || !(await forgetGone(connection, others))) return false;
    }
  }
}

async function removeFromCaller(connection: CallerConnection): Promise<void> {
  const entry = entryOf(connection);
  try {
    await update(
      {
        Key: callerKey(connection.sub),
        UpdateExpression: "DELETE connections :entries",
        ConditionExpression: "contains(connections, :entry)",
        ExpressionAttributeValues: { ":entries": new Set([entry]), ":entry": entry },
      },
      TABLE,
    );
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error; // it was not in the set
  }
}

/**
 * Removes those of a caller's connections that are gone. Returns true if there was one. A
 * connection younger than its handshake is kept, since API Gateway does not know it yet. In the rare
 * case that the handshake takes longer, its first frame closes the connection.
 */
async function forgetGone(
  { sub, connectedAt: now }: CallerConnection,
  entries: readonly string[],
): Promise<boolean> {
  const gone = await Promise.all(
    entries.map(async (entry) => {
      const [id = "", since, endpoint = ""] = entry.split(" ");
      const other = { id, endpoint, sub, connectedAt: Number(since) };
      const age = now - other.connectedAt; // ms
      const isGone = age > LIFETIME * 1000 || (age > USUAL_HANDSHAKE && (await Send.isGone(other)));
      if (isGone) await Promise.all([forget(id), removeFromCaller(other)]);
      return isGone;
    }),
  );
  return gone.includes(true);
}

type Row = Key & Attributes;

/** Returns the rows of a partition page by page, optionally those whose sort key has a prefix. */
async function* pagesOf(pk: string, prefix?: string): AsyncGenerator<Row[]> {
  for (let start: Attributes | undefined; ;) {
    const { items, last } = await query(
      {
        KeyConditionExpression: `pk = :pk${prefix === undefined ? "" : " AND begins_with(sk, :prefix)"}`,
        ExpressionAttributeValues: {
          ":pk": pk,
          ...(prefix !== undefined && { ":prefix": prefix }),
        },
        ConsistentRead: true,
        Limit: 1000,
        ...(start && { ExclusiveStartKey: start }),
      },
      TABLE,
    );
    yield items as Row[];
    if (last === undefined) return;
    start = last;
  }
}

/** A topic or channel: its key, and the text by which the client knows it. */
interface TopicName {
  key: string;
  text: string;
}

/** The row by which a delivery finds a subscriber. */
const topicRow = (
  { id, endpoint, authExpiresAt, connectedAt }: Connection,
  key: string,
): Attributes => ({
  ...topicKey(key, id),
  endpoint,
  authExpiresAt,
  expiresAt: expiryOf(connectedAt),
});

/** Reverse rows first, so that a crash leaves no subscription that cannot be cleaned up. */
const subscriptionRows = (connection: Connection, topics: readonly TopicName[]) => {
  const expiresAt = expiryOf(connection.connectedAt);
  return [
    ...topics.map(({ key, text }) => ({
      put: { ...reverseKey(connection.id, key), text, expiresAt },
    })),
    ...topics.map(({ key }) => ({ put: topicRow(connection, key) })),
  ];
};

/** Returns a connection; undefined once it has been removed or has expired. */
export async function find(id: string): Promise<Connection | undefined> {
  const row = await read(connectionKey(id), TABLE);
  return row === undefined || isExpired(row) ? undefined : (row as Attributes & Connection);
}

/**
 * Changes committed after this resolves are delivered to the connection, until its token expires. A
 * caller then asks `renewedSince`. Throws `unavailable`.
 */
export const subscribe = (connection: Connection, topics: readonly TopicName[]): Promise<void> => {
  // Two spellings can have one key, and a batch must not contain a key twice.
  const byKey = new Map(topics.map((topic) => [topic.key, topic]));
  return writeAll(subscriptionRows(connection, [...byKey.values()]), TABLE);
};

/**
 * Returns the connection if it has another token now, with which its subscriptions must be written
 * again. AWS runs frames of one connection at the same time, so a `renew` may have read the topics
 * before rows were written with the earlier token. It stores the token before it reads the topics: it
 * finds those rows, or their writer finds the token here. Throws `unavailable`.
 */
export async function renewedSince(connection: Connection): Promise<Connection | undefined> {
  const current = await find(connection.id);
  return current !== undefined && tokenOf(current) !== tokenOf(connection) ? current : undefined;
}

/** Subscribes to topics that need no scope, with the token that is stored in the end. Throws `unavailable`. */
export async function join(connection: Connection, topics: readonly TopicName[]): Promise<void> {
  let current: Connection | undefined = connection;
  while (current !== undefined) {
    await subscribe(current, topics);
    current = await renewedSince(current);
  }
}

const tokenOf = ({ authExpiresAt, scopes }: Connection) => JSON.stringify([authExpiresAt, scopes]);

export const unsubscribe = (id: string, keys: readonly string[]): Promise<void> =>
  writeAll(
    [...new Set(keys)].flatMap((key) => [
      { delete: topicKey(key, id) },
      { delete: reverseKey(id, key) },
    ]),
    TABLE,
  );

/** Returns the topics and channels of a connection. */
export async function topicsOf(id: string): Promise<TopicName[]> {
  const rows: Row[] = [];
  for await (const page of pagesOf(connectionKey(id).pk, "TOPIC#")) rows.push(...page);
  return rows.map(({ sk, text }) => ({ key: sk.slice("TOPIC#".length), text: String(text) }));
}

/** Returns the subscribers of a topic or the members of a channel, page by page. */
export async function* subscribers(topic: string): AsyncGenerator<Subscriber[]> {
  for await (const page of pagesOf(topicKey(topic, "").pk)) {
    yield page.map(({ sk, endpoint, authExpiresAt }) => ({
      id: sk,
      endpoint: String(endpoint),
      authExpiresAt: authExpiresAt as number | undefined,
    }));
  }
}

/**
 * Stores the scopes and expiry of a new token, in the connection and in its subscriptions. Ends those
 * whose text is not permitted, and returns them. Only rows that still exist are written: what an
 * `unsubscribe` or the end of the connection has deleted in the meantime must stay deleted. Throws
 * `unavailable`.
 */
export async function renew(
  connection: Connection,
  isPermitted: (text: string) => boolean = () => true,
): Promise<TopicName[]> {
  await putIfPresent(connectionRow(connection));
  const topics = await topicsOf(connection.id); // after the token is stored: see `renewedSince`
  const { kept = [], lost = [] } = Object.groupBy(topics, ({ text }) =>
    isPermitted(text) ? "kept" : "lost",
  );
  await unsubscribe(
    connection.id,
    lost.map(({ key }) => key),
  );
  let current: Connection | undefined = connection;
  while (current !== undefined) {
    await renewRows(current, kept);
    current = await renewedSince(current); // by another renewal at the same time
  }
  return lost;
}

async function renewRows(connection: Connection, topics: readonly TopicName[]): Promise<void> {
  const rows = topics.map(({ key }) => topicRow(connection, key));
  for (let at = 0; at < rows.length; at += RENEWED_AT_A_TIME) {
    await Promise.all(rows.slice(at, at + RENEWED_AT_A_TIME).map(putIfPresent));
  }
}

async function putIfPresent(Item: Attributes): Promise<void> {
  try {
    await put({ Item, ConditionExpression: "attribute_exists(pk)" }, TABLE);
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error; // it has been deleted
  }
}

/**
 * Removes all rows of a connection, and its subscriptions to the topics `delivered`. A delivery can
 * find a subscription without a reverse row, if it was written while the connection was being
 * removed. Throws `unavailable`.
 */
export async function forget(id: string, delivered: readonly string[] = []): Promise<void> {
  const { row, keys } = await rowsToForget(id, delivered);
  await remove(id, row, keys);
}

/**
 * Forgets a connection that API Gateway has reported as gone (410), unless its handshake may still
 * be in progress: API Gateway answers 410 until the 101 has been sent, but the connection is in the
 * lobby before. Only a frame of the client adds topics, so a connection with any other topic has
 * ended its handshake. Throws `unavailable`.
 */
export async function forgetIfGone(id: string, delivered: readonly string[]): Promise<void> {
  const { row, keys } = await rowsToForget(id, delivered);
  const onlyInLobby = keys.every((key) => key === LOBBY);
  if (onlyInLobby && (await ageOf(id, row)) < HANDSHAKE) return;
  await remove(id, row, keys);
}

async function rowsToForget(id: string, delivered: readonly string[]) {
  const [row, topics] = await Promise.all([read(connectionKey(id), TABLE), topicsOf(id)]);
  return { row, keys: [...new Set([...topics.map(({ key }) => key), ...delivered])] };
}

/** Returns the age of a connection in ms. Its rows are written in one batch, in any order. */
async function ageOf(id: string, row: Attributes | undefined): Promise<number> {
  const expiresAt = (row ?? (await read(topicKey(LOBBY, id), TABLE)))?.["expiresAt"];
  return Date.now() - (Number(expiresAt ?? 0) - LIFETIME) * 1000;
}

async function remove(id: string, row: Attributes | undefined, keys: readonly string[]) {
  if (row) await removeFromCaller(row as Attributes & Connection);
  await writeAll(
    [
      ...keys.map((key) => ({ delete: topicKey(key, id) })),
      ...keys.map((key) => ({ delete: reverseKey(id, key) })),
      { delete: connectionKey(id) },
    ],
    TABLE,
  );
}
