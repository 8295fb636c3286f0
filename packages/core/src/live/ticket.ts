/** Tickets, with which a client that cannot send a header opens a live connection. */

import { randomBytes } from "node:crypto";
import { type Attributes, deleteItem, type Key, put } from "../store/dynamodb.ts";
import { ConditionFailed } from "../store/retry.ts";
import { type Connection, digest, isExpired } from "./connection.ts";

const TABLE = "Connections";
const LIFETIME = 60; // seconds

/** The caller for whom a ticket opens a connection. */
export type Bearer = Pick<Connection, "sub" | "kind" | "scopes" | "authExpiresAt">;

const ticketKey = (ticket: string): Key => ({ pk: `TICKET#${digest(ticket)}`, sk: "TICKET" });

/** Issues a ticket that opens one connection for its caller, within a minute. */
export async function issueTicket(bearer: Bearer): Promise<{ ticket: string; expiresAt: string }> {
  const ticket = randomBytes(24).toString("base64url");
  const expiresAt = Math.floor(Date.now() / 1000) + LIFETIME;
  await put({ Item: { ...ticketKey(ticket), ...bearer, expiresAt } }, TABLE);
  return { ticket, expiresAt: new Date(expiresAt * 1000).toISOString() };
}

/**
 * Uses a ticket up and returns its caller; undefined if the ticket is unknown, used or expired. Of
 * concurrent calls one gets the caller: the delete is conditional, since without a condition some
 * engines return the deleted item to several callers.
 */
export async function redeemTicket(ticket: string): Promise<Bearer | undefined> {
  try {
    const deletion = { Key: ticketKey(ticket), ConditionExpression: "attribute_exists(pk)" };
    const row = await deleteItem(deletion, TABLE);
    if (row === undefined || isExpired(row)) return undefined;
    const { sub, kind, scopes, authExpiresAt } = row as Attributes & Bearer;
    return { sub, kind, scopes, authExpiresAt };
  } catch (error) {
    if (error instanceof ConditionFailed) return undefined;
    throw error;
  }
}
