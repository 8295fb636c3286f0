import { createHash, randomBytes } from "node:crypto";
import * as Send from "./send.ts";
import {
  type Attributes,
  ConditionFailed,
  type Key,
  put,
  query,
  read,
  deleteItem,
  update,
  writeAll,
} from "../store/dynamodb.ts";

/**
 * Live connections and what they listen to. A subscription stands under its topic, where delivery
 * finds it, and under its connection, where its end finds it; a caller's connections are counted
 * under the caller. All expire by TTL at the latest; all are read strongly consistently.
 */

export interface Connection {
  id: string;
  /** The management endpoint of whoever owns the socket. */
  endpoint: string;
  sub: string;
  kind: string;
  scopes: readonly string[];
  /** Epoch ms at which the token ends; undefined for one without an end. */
  authExpiresAt?: number | undefined;
  connectedAt: number; // epoch ms
}

/** What delivery must know of a connection. */
export type Subscriber = Pick<Connection, "id" | "endpoint" | "authExpiresAt">;

export const MAX_CONNECTIONS = 20; // of one caller
/** Everybody is in it. */
export const LOBBY = "channel/lobby";

const LIFETIME = 130 * 60; // seconds; API Gateway ends a connection after 120 minutes
/** Ms within which a handshake ends; until then API Gateway takes a connection for gone. */
const HANDSHAKE = 60_000;
const TICKET_LIFETIME = 60; // seconds

const TABLE = "Connections";
const connectionKey = (id: string): Key => ({ pk: `CONNECTION#${id}`, sk: "CONNECTION" });
const inverseKey = (id: string, topic: string): Key => ({
  pk: `CONNECTION#${id}`,
  sk: `TOPIC#${topic}`,
});
const topicKey = (topic: string, id: string): Key => ({ pk: `TOPIC#${topic}`, sk: id });
const callerKey = (sub: string): Key => ({ pk: `CALLER#${digest(sub)}`, sk: "CALLER" });

/** Hashed, so that no name can run into what follows it, and no secret is kept. */
const digest = (text: string) => createHash("sha256").update(text).digest("base64url");

const expiryOf = (connectedAt: number) => Math.floor(connectedAt / 1000) + LIFETIME;

/** Notes a new connection, which is in the lobby; false if its caller has too many. */
export async function open(connection: Connection): Promise<boolean> {
  if (!(await addToCaller(connection))) return false;
  const expiresAt = expiryOf(connection.connectedAt);
  await writeAll(
    [
      { put: { ...connectionKey(connection.id), ...connection, expiresAt } },
      ...subscriptionRows(connection, [{ key: LOBBY, text: LOBBY }]),
    ],
    TABLE,
  );
  return true;
}

type Counted = Pick<Connection, "id" | "endpoint" | "sub" | "connectedAt">;

/** How a connection stands in its caller's set. */
const entryOf = ({ id, endpoint, connectedAt }: Counted) => `${id} ${connectedAt} ${endpoint}`;

/**
 * A caller's connections are one set in one item, so that its bound is exact. `$disconnect` is best
 * effort: where the set is full, those in it that are gone make room.
 */
async function addToCaller(connection: Counted): Promise<boolean> {
  const entry = entryOf(connection);
  for (let tries = 1; ; tries++) {
    try {
      await update(
        {
          Key: callerKey(connection.sub),
          UpdateExpression: "SET expiresAt = :expiresAt ADD connections :entries",
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

async function removeFromCaller(connection: Counted): Promise<void> {
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

/** Whether there was one to forget. */
async function forgetGone(
  { sub, connectedAt: now }: Counted,
  entries: readonly string[],
): Promise<boolean> {
  const gone = await Promise.all(
    entries.map(async (entry) => {
      const [id = "", since, endpoint = ""] = entry.split(" ");
      const other = { id, endpoint, sub, connectedAt: Number(since) };
      const isGone =
        now - other.connectedAt > LIFETIME * 1000 ||
        (now - other.connectedAt > HANDSHAKE && (await Send.isGone(other)));
      if (isGone) await Promise.all([forget(id), removeFromCaller(other)]);
      return isGone;
    }),
  );
  return gone.includes(true);
}

/** Those of a partition, page after page. */
async function rowsOf(pk: string, prefix?: string): Promise<(Key & Attributes)[]> {
  const rows: (Key & Attributes)[] = [];
  for await (const page of pagesOf(pk, prefix)) rows.push(...page);
  return rows;
}

async function* pagesOf(pk: string, prefix?: string): AsyncGenerator<(Key & Attributes)[]> {
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
    yield items as (Key & Attributes)[];
    if (last === undefined) return;
    start = last;
  }
}

/** The inverse first: a subscription that nobody could find again must not be left behind. */
const subscriptionRows = (
  { id, endpoint, authExpiresAt, connectedAt }: Connection,
  topics: readonly { key: string; text: string }[],
) => {
  const expiresAt = expiryOf(connectedAt);
  return [
    ...topics.map(({ key, text }) => ({ put: { ...inverseKey(id, key), text, expiresAt } })),
    ...topics.map(({ key }) => ({
      put: { ...topicKey(key, id), endpoint, authExpiresAt, expiresAt },
    })),
  ];
};

/** Undefined once it is gone. */
export async function find(id: string): Promise<Connection | undefined> {
  const row = await read(connectionKey(id), TABLE);
  if (row === undefined || Number(row["expiresAt"]) <= Date.now() / 1000) return undefined;
  return row as unknown as Connection;
}

/** From when this returns, a change that is committed later finds the connection. */
export const subscribe = (
  connection: Connection,
  topics: readonly { key: string; text: string }[],
): Promise<void> => {
  const once = new Map(topics.map((topic) => [topic.key, topic])); // two spellings may name one
  return writeAll(subscriptionRows(connection, [...once.values()]), TABLE);
};

export const unsubscribe = (id: string, keys: readonly string[]): Promise<void> =>
  writeAll(
    [...new Set(keys)].flatMap((key) => [
      { delete: topicKey(key, id) },
      { delete: inverseKey(id, key) },
    ]),
    TABLE,
  );

/** What a connection listens to, channels included. */
export async function topicsOf(id: string): Promise<{ key: string; text: string }[]> {
  const rows = await rowsOf(connectionKey(id).pk, "TOPIC#");
  return rows.map(({ sk, text }) => ({ key: sk.slice("TOPIC#".length), text: String(text) }));
}

/** Who listens to a topic, page after page. */
export async function* subscribers(topic: string): AsyncGenerator<Subscriber[]> {
  for await (const page of pagesOf(topicKey(topic, "").pk)) {
    yield page.map(({ sk, endpoint, authExpiresAt }) => ({
      id: sk,
      endpoint: String(endpoint),
      authExpiresAt: authExpiresAt as number | undefined,
    }));
  }
}

/** Gives a connection another token's scopes and end. */
export async function renew(connection: Connection): Promise<void> {
  const topics = await topicsOf(connection.id);
  const expiresAt = expiryOf(connection.connectedAt);
  await writeAll(
    [
      { put: { ...connectionKey(connection.id), ...connection, expiresAt } },
      ...subscriptionRows(connection, topics),
    ],
    TABLE,
  );
}

/** Removes all that is known of a connection, and the subscriptions that delivery still met. */
export async function forget(id: string, met: readonly string[] = []): Promise<void> {
  const [row, topics] = await Promise.all([read(connectionKey(id), TABLE), topicsOf(id)]);
  if (row) await removeFromCaller(row as unknown as Connection);
  const keys = new Set([...topics.map(({ key }) => key), ...met]);
  await writeAll(
    [
      ...[...keys].map((key) => ({ delete: topicKey(key, id) })),
      ...[...keys].map((key) => ({ delete: inverseKey(id, key) })),
      { delete: connectionKey(id) },
    ],
    TABLE,
  );
}

/** Who may connect with a ticket. */
export type Bearer = Pick<Connection, "sub" | "kind" | "scopes" | "authExpiresAt">;

const ticketKey = (ticket: string): Key => ({ pk: `TICKET#${digest(ticket)}`, sk: "TICKET" });

/** A ticket that opens one connection for its caller, within a minute. */
export async function issueTicket(bearer: Bearer): Promise<{ ticket: string; expiresAt: string }> {
  const ticket = randomBytes(24).toString("base64url");
  const end = Math.floor(Date.now() / 1000) + TICKET_LIFETIME;
  await put({ Item: { ...ticketKey(ticket), ...bearer, expiresAt: end } }, TABLE);
  return { ticket, expiresAt: new Date(end * 1000).toISOString() };
}

/** Without the condition some engines give many at once what they delete. */
async function takeOnce(key: Key): Promise<Attributes | undefined> {
  try {
    return await deleteItem({ Key: key, ConditionExpression: "attribute_exists(pk)" }, TABLE);
  } catch (error) {
    if (error instanceof ConditionFailed) return undefined;
    throw error;
  }
}

/** Uses a ticket up; undefined for one that is not, or no longer, good. */
export async function redeemTicket(ticket: string): Promise<Bearer | undefined> {
  const row = await takeOnce(ticketKey(ticket));
  if (row === undefined || Number(row["expiresAt"]) <= Date.now() / 1000) return undefined;
  const { sub, kind, scopes, authExpiresAt } = row as unknown as Bearer;
  return { sub, kind, scopes, authExpiresAt };
}
