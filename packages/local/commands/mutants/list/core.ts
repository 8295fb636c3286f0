import type { Defect } from "../defect.ts";

const CORE = "packages/core/src";
const TEST = "packages/core/test";
const CLIENT = (title: string) => ({ file: `${TEST}/store/client.test.ts`, title });
const NETWORK = (title: string) => ({ file: `${TEST}/store/client-network.test.ts`, title });
const MESSAGE = (title: string) => ({ file: `${TEST}/store/client-message.test.ts`, title });
const SIGNATURES = MESSAGE("signatures are those of the SDK's signer");
const SEND = (title: string) => ({ file: `${TEST}/live/send.test.ts`, title });
const COUNT_FILE = `${CORE}/catalog/inventory-count.ts`;
const COUNT = (title: string) => ({ file: `${TEST}/catalog/inventory-count.test.ts`, title });
const EXPIRED = (title: string) => ({ file: `${TEST}/catalog/reservation.test.ts`, title });
const EXPIRY = (title: string) => ({ file: `${TEST}/catalog/reservation-expiry.test.ts`, title });

const stock: Defect[] = [
  {
    file: `${CORE}/catalog/inventory-units.ts`,
    text: '["headroom", ">", taken], NOT_INDEXED',
    replacement: "NOT_INDEXED",
    harm: "Two buyers who order at the same time both get the last units",
    test: {
      file: `${TEST}/catalog/stock-stress.test.ts`,
      title: "of two requests for most of the rest one succeeds",
    },
  },
  {
    file: `${CORE}/catalog/inventory-units.ts`,
    text: '["available", ">", taken],',
    replacement: "",
    harm: "Two buyers both get the last units of a product whose level is low",
    test: {
      file: `${TEST}/catalog/stock-stress.test.ts`,
      title: "of two requests for most of the rest one succeeds",
    },
  },
  {
    file: `${CORE}/catalog/inventory-units.ts`,
    text: '["headroom", "<=", Math.min(0, -available)],',
    replacement: "",
    harm: "A product stays listed as low although two deliveries have filled it up",
    test: {
      file: `${TEST}/catalog/stock-stress.test.ts`,
      title: "of two additions that together end the level low",
    },
  },
  {
    file: `${CORE}/catalog/inventory-units.ts`,
    text: '["quantity", "<=", MAX_QUANTITY - by.quantity]',
    replacement: '["quantity", "<=", MAX_QUANTITY]',
    harm: "Concurrent deliveries lift a quantity above its maximum",
    test: { file: `${TEST}/store/record.test.ts`, title: "never exceeds its maximum" },
  },
  {
    file: `${CORE}/catalog/inventory.ts`,
    text: "if (known && known.available + delta < 0) {",
    replacement: "if (known && known.quantity + delta < 0) {",
    harm: "Units that are reserved for one buyer are sold to another one",
    test: { file: `${TEST}/store/record.test.ts`, title: "sells no unit that is reserved" },
  },
  {
    file: `${CORE}/catalog/inventory-units.ts`,
    text: 'if (level === "ok") return [["reserved", "<=", quantity - reorderPoint - 1]];',
    replacement: 'if (level === "ok") return [];',
    harm: "A count sets the quantity below what is reserved, so reservations cannot be kept",
    test: { file: `${TEST}/store/record.test.ts`, title: "sells no unit that is reserved" },
  },
  {
    file: `${CORE}/catalog/inventory.ts`,
    text: 'if (current["reserved"] !== 0) {',
    replacement: 'if (current["reserved"] === undefined) {',
    harm: "A product can be deleted while buyers hold reservations of it",
    test: {
      file: `${TEST}/store/record.test.ts`,
      title: "cannot be deleted while units are reserved",
    },
  },
  {
    file: `${CORE}/catalog/inventory.ts`,
    text: 'conditions.push(["quantity", "=", expectedQuantity]);',
    replacement: "",
    harm: "A count overwrites sales that were made since it was taken",
    test: {
      file: `${TEST}/store/record.test.ts`,
      title: "is set only if the quantity is the expected one",
    },
  },
  {
    file: COUNT_FILE,
    text: "    return current ? [[entry, current] as const] : [];\n  });\n  if (refusals[0]) throw refused(refusals[0], refusals);",
    replacement: "    return current && !error ? [[entry, current] as const] : [];\n  });",
    harm: "A count sets the quantities of some of its products and is not refused",
    test: COUNT("sets none of 25 if one is stale, and names it"),
  },
  {
    file: COUNT_FILE,
    text: "{ Put: putIfUnchanged(current, next) }",
    replacement: "{ Put: { Item: next } }",
    harm: "A count overwrites a sale that comes between its read and its write",
    test: COUNT("is not written over a sale that comes between its read and its write"),
  },
  {
    file: COUNT_FILE,
    text: 'ConditionExpression: "version = :version",',
    replacement: 'ConditionExpression: "version >= :version",',
    harm: "A count answers that a level is right which was changed before the others were written",
    test: COUNT("does not take a level for right that changes before the others are written"),
  },
  {
    file: COUNT_FILE,
    text: "...Idempotency.steps(writer, value, writeId),",
    replacement: "",
    harm: "A count that is repeated with its key is applied again, over the sales since",
    test: COUNT("is not applied a second time, and its key serves no other one"),
  },
  {
    file: COUNT_FILE,
    text: "Idempotency.once(writer, () => setAll(counts, reason, writer)),",
    replacement: "setAll(counts, reason, writer),",
    harm: "A count that is repeated with its key is refused, or releases reservations once more",
    test: COUNT("releases nothing, nor does one with another request's key"),
  },
  {
    file: COUNT_FILE,
    text: ".superRefine(refuseRepeated)",
    replacement: "",
    harm: "A count that names a product twice is answered with 500",
    test: COUNT("names no product twice, in whatever letter case"),
  },
  {
    file: `${CORE}/catalog/inventory.ts`,
    text: "refused?.filter((entry) => HELD_CODES.has(entry.code));",
    replacement: "refused?.filter((entry) => HELD_CODES.has(entry.code) && entry === refused[0]);",
    harm: "A count names a product that only an expired reservation holds, so its line is given up",
    test: COUNT("releases expired reservations that are in its way, also beside another refusal"),
  },
  {
    file: `${CORE}/catalog/inventory.ts`,
    text: 'sell: { reason: "sold", sign: { quantity: -1, reserved: -1 } },',
    replacement: 'sell: { reason: "sold", sign: { quantity: 0, reserved: -1 } },',
    harm: "A confirmed reservation releases its units, which are then sold again",
    test: {
      file: `${TEST}/catalog/reservation.test.ts`,
      title: "that is confirmed stays confirmed",
    },
  },
  {
    file: `${CORE}/catalog/inventory.ts`,
    text: 'ConditionExpression: "attribute_not_exists(pk) OR #status <> :archived",',
    replacement:
      'ConditionExpression: "attribute_not_exists(pk) OR #status <> :archived OR #status = :archived",',
    harm: "An archived product can be reserved",
    test: {
      file: "packages/local/test/contract/reservations.test.ts",
      title: "an archived product cannot be reserved",
    },
  },
  {
    file: `${CORE}/catalog/reservation-record.ts`,
    text: "const isDue = ({ until }: Attributes): boolean => until <= Date.now();",
    replacement: "const isDue = ({ until }: Attributes): boolean => until <= 0 * Date.now();",
    harm: "A reservation never expires, so its units stay held for ever",
    test: {
      file: `${TEST}/catalog/reservation.test.ts`,
      title: "refuses every action, and its units",
    },
  },
  {
    file: `${CORE}/catalog/reservation.ts`,
    text: "const until = Math.max(current.until, Date.parse(writer.at) + ttlSeconds * 1000);",
    replacement: "const until = Date.parse(writer.at) + ttlSeconds * 1000;",
    harm: "An extension makes a reservation shorter",
    test: {
      file: `${TEST}/catalog/reservation.test.ts`,
      title: "can be extended but not shortened",
    },
  },
  {
    file: `${CORE}/catalog/reservation-expiry.ts`,
    text: "const error = failures.find((failure) => failure instanceof AppError);",
    replacement: "const [error] = failures;",
    harm: "One damaged reservation gives each buyer of its products a 500",
    test: {
      file: `${TEST}/catalog/reservation.test.ts`,
      title: "gives a buyer of the other product",
    },
  },
  {
    file: `${CORE}/catalog/reservation-expiry.ts`,
    text: "const size = Math.floor((MAX_ACTIONS - products) / (1 + products));",
    replacement: "const size = MAX_ACTIONS;",
    harm: "Many reservations that expire together stay active, since DynamoDB refuses the transaction",
    test: EXPIRED("does not block a sale, however many of them hold the units"),
  },
  {
    file: `${CORE}/catalog/reservation-expiry.ts`,
    text: "const size = Math.floor((MAX_ACTIONS - products) / (1 + products));",
    replacement: "const size = 1;",
    harm: "A buyer waits while expired reservations are released one by one",
    test: EXPIRED("does not block a sale, however many of them hold the units"),
  },
  {
    file: `${CORE}/catalog/reservation-expiry.ts`,
    text: "if (error instanceof DamagedReservation && some.length > 1) {",
    replacement: "if (error instanceof DamagedReservation && some.length > 1000) {",
    harm: "One damaged reservation keeps all others of its products from expiring",
    test: EXPIRED("does not keep others of the same products from expiring"),
  },
  {
    file: `${CORE}/catalog/reservation-expiry.ts`,
    text: "if (canExpire(old as StoredReservation | undefined)) due.set(id, old as StoredReservation);",
    replacement: "if (old) due.set(id, old as StoredReservation);",
    harm: "Units of a reservation that is confirmed during a sweep are sold and released",
    test: EXPIRED("that is confirmed while a sweep expires it with others stays confirmed"),
  },
  {
    file: `${CORE}/catalog/reservation-expiry.ts`,
    text: "const locks = (group[0]?.lines ?? []).map(({ productId }) => `EXPIRY ${productId}`);",
    replacement: "const locks: string[] = [];",
    harm: "Expired reservations that share a product refuse each other's release",
    test: EXPIRY("that share a product are released one transaction after another"),
  },
  {
    file: `${CORE}/catalog/reservation-expiry.ts`,
    text: "  clientRef: undefined,\n",
    replacement: "",
    harm: "A page takes the release of an expired reservation for its own write, and shows a wrong number",
    test: EXPIRY("what a request releases is not the work of its caller"),
  },
];

const store: Defect[] = [
  {
    file: `${CORE}/store/unique-value.ts`,
    text: 'ConditionExpression: "attribute_not_exists(pk)",',
    replacement: "",
    harm: "Two users can have one email address",
    test: { file: `${TEST}/store/unique-value.test.ts`, title: "exactly one succeeds" },
  },
  {
    file: `${CORE}/catalog/user.ts`,
    text: "email.toLowerCase();",
    replacement: "email;",
    harm: "Two users can have one email address in two spellings",
    test: {
      file: `${TEST}/store/unique-value.test.ts`,
      title: "can change its case and stays unique",
    },
  },
  {
    file: `${CORE}/catalog/product.ts`,
    text: '? [UniqueValue.release("SKU", current["sku"], id)]',
    replacement: "? []",
    harm: "The sku of a deleted product can never be used again",
    test: {
      file: `${TEST}/store/unique-value.test.ts`,
      title: "a sku is unique, and free again once its product has none",
    },
  },
  {
    file: `${CORE}/store/update-expression.ts`,
    text: '"attribute_exists(pk)", // an update must not create a record',
    replacement: '"attribute_exists(pk) OR attribute_not_exists(pk)",',
    harm: "An update brings a deleted record back",
    test: { file: `${TEST}/store/record.test.ts`, title: "no write brings a deleted record back" },
  },
  {
    file: `${CORE}/store/update-expression.ts`,
    text: '...(ifMatch ? [`version IN (${ifMatch.map(value).join(", ")})`] : []),',
    replacement: "",
    harm: "A write under If-Match overwrites a change that its caller has not seen",
    test: {
      file: `${TEST}/store/record.test.ts`,
      title: "that is stale is refused with the current one",
    },
  },
  {
    file: `${CORE}/store/idempotency.ts`,
    text: 'createHash("sha256").update(actor)',
    replacement: 'createHash("sha256").update("")',
    harm: "A caller gets the answer to another caller's request with the same key",
    test: { file: `${TEST}/store/idempotency.test.ts`, title: "two callers can use the same key" },
  },
  {
    file: `${CORE}/store/idempotency.ts`,
    text: "if (row === undefined || row.expiresAt <= epochSeconds(writer)) return undefined;",
    replacement: "if (row === undefined) return undefined;",
    harm: "A request gets the answer that its key had long ago, until TTL deletes the row",
    test: {
      file: `${TEST}/store/idempotency.test.ts`,
      title: "does not get an answer that is older than 24 hours",
    },
  },
  {
    file: `${CORE}/store/idempotency.ts`,
    text: '"attribute_not_exists(pk) OR expiresAt <= :now",',
    replacement: '"attribute_not_exists(pk) OR expiresAt = :now",',
    harm: "A key cannot be used again after 24 hours, until TTL deletes its row",
    test: {
      file: `${TEST}/store/idempotency.test.ts`,
      title: "a key can be used again after 24 hours",
    },
  },
  {
    file: `${CORE}/store/idempotency.ts`,
    text: "const KEPT_SECONDS = 24 * 60 * 60;",
    replacement: "const KEPT_SECONDS = 24 * 60;",
    harm: "A request that is repeated after an hour takes effect a second time",
    test: { file: `${TEST}/store/idempotency.test.ts`, title: "an answer is kept for 24 hours" },
  },
  {
    file: `${CORE}/store/idempotency.ts`,
    text: "if (row.fingerprint !== writer.idempotency.fingerprint) throw keyReused();\n  const answer",
    replacement: "const answer",
    harm: "A request gets the answer to another request that had its key",
    test: {
      file: `${TEST}/store/idempotency.test.ts`,
      title: "another request with the same key is refused",
    },
  },
  {
    file: `${CORE}/store/idempotency.ts`,
    text: "|| problem.status >= 500) return;",
    replacement: ") return;",
    harm: "A 503 of one entry is kept for 24 hours, so that the record is never created",
    test: {
      file: "packages/functions/test/batch.test.ts",
      title: "an entry that failed with 503 is created",
    },
  },
  {
    file: `${CORE}/store/retry.ts`,
    text: '"ThrottlingException",',
    replacement: "",
    harm: "A request fails at once while the account is throttled for a moment",
    test: { file: `${CORE}/store/retry.test.ts`, title: "is repeated" },
  },
  {
    file: `${CORE}/store/retry.ts`,
    text: '"TransactionInProgressException",',
    replacement: "",
    harm: "A transaction that is repeated too early fails although it is being applied",
    test: { file: `${CORE}/store/retry.test.ts`, title: "is repeated" },
  },
  {
    file: `${CORE}/store/retry.ts`,
    text: '"RequestLimitExceeded",',
    replacement: "",
    harm: "A request fails at once when the account's limit is reached",
    test: { file: `${CORE}/store/retry.test.ts`, title: "is repeated" },
  },
  {
    file: `${CORE}/store/dynamodb.ts`,
    text: '"ThrottlingError",',
    replacement: "",
    harm: "A throttled transaction is answered with 500",
    test: {
      file: `${TEST}/store/fault-matrix.test.ts`,
      title: "no two users have one email address",
    },
  },
  {
    file: `${CORE}/store/dynamodb.ts`,
    text: "const input = { TableName, Key, ConsistentRead: true };",
    replacement: "const input = { TableName, Key };",
    harm: "A read after a write shows the record from before, on AWS",
    test: { file: `${TEST}/store/record.test.ts`, title: "is read strongly consistently" },
  },
  {
    file: `${CORE}/store/pagination.ts`,
    text: "Math.min(Number(digits), MAX_LIMIT)",
    replacement: "Number(digits)",
    harm: "One request reads a whole table",
    test: {
      file: "packages/functions/src/api/app.test.ts",
      title: "gives at most 100 entries, whatever limit a request asks for",
    },
  },
  {
    file: `${CORE}/store/pagination.ts`,
    text: "Buffer.byteLength(JSON.stringify(JSON.stringify(value)));",
    replacement: "JSON.stringify(value).length;",
    harm: "A page of texts in Chinese exceeds what Lambda can answer, and is a 500",
    test: { file: `${TEST}/store/pagination.test.ts`, title: "a page of large records ends early" },
  },
  {
    file: `${CORE}/store/signed-token.ts`,
    text: "timingSafeEqual(bytes.subarray(0, MAC_BYTES), sign(payload, scope));",
    replacement: "sign(payload, scope).length === MAC_BYTES;",
    harm: "A caller can forge page tokens and cursors",
    test: {
      file: `${TEST}/changes/read.test.ts`,
      title: "that is forged, shortened, spelled differently",
    },
  },
  {
    file: `${CORE}/store/tables.ts`,
    text: `  globalIndexes: { gsi1: { hashKey: "gsi1pk", rangeKey: "gsi1sk" } },
  ttl: "expiresAt",
  stream:`,
    replacement: `  globalIndexes: {
    gsi1: { hashKey: "gsi1pk", rangeKey: "gsi1sk" },
    gsi2: { hashKey: "gsi1sk", rangeKey: "gsi1pk" },
  },
  ttl: "expiresAt",
  stream:`,
    harm: "A second index makes each write of an indexed record cost more",
    test: { file: `${CORE}/store/tables.test.ts`, title: "have no other index" },
  },
  {
    file: `${CORE}/store/record.ts`,
    text: "return hasEffect(stored, build(stored) ?? {}) ? stored : undefined;",
    replacement: "return stored;",
    harm: "A PATCH changes nothing, since it finds the record as it was before another process wrote",
    test: {
      file: `${TEST}/store/contention.test.ts`,
      title: "for a change that it has made needful",
    },
  },
  {
    file: `${CORE}/store/record.ts`,
    text: "      assertMatch(stored, ifMatch);\n      return",
    replacement: "      return",
    harm: "A PATCH is refused as stale although its version is that of the record",
    test: {
      file: `${TEST}/store/contention.test.ts`,
      title: "for one that expects its version",
    },
  },
  {
    file: `${CORE}/store/record.ts`,
    text: "if (error.mayBeApplied && mayBeEvicted(old, writeId)) throw new ReplyLost(error);",
    replacement: "",
    harm: "A change whose reply was lost is applied a second time, over later changes",
    test: {
      file: `${TEST}/store/faults.test.ts`,
      title: "after more rivals its outcome is unknown",
    },
  },
  {
    file: `${CORE}/strict-json.ts`,
    text: 'if (top.names.has(string)) throw refuse("invalid_json", "A member is given twice");',
    replacement: "",
    harm: "Of a member that is given twice one value is dropped silently",
    test: {
      file: `${CORE}/strict-json.test.ts`,
      title: "gives the code",
    },
  },
];

const changes: Defect[] = [
  {
    file: `${CORE}/changes/append.ts`,
    text: '? "attribute_not_exists(pk)" : "seq = :head",',
    replacement: '? "attribute_not_exists(pk)" : "seq >= :head OR seq < :head",',
    harm: "Two processes give one number to two changes",
    test: {
      file: `${TEST}/changes/log.test.ts`,
      title: "have neither gap nor duplicate with several",
    },
  },
  {
    file: `${CORE}/changes/log.ts`,
    text: "if (change.seq !== seq + changes.length + 1) {",
    replacement: "if (change.seq < seq + changes.length + 1) {",
    harm: "A reader skips a change that the index does not have yet, and never gets it",
    test: {
      file: `${TEST}/changes/read.test.ts`,
      title: "end before the first number that the index lacks",
    },
  },
  {
    file: `${CORE}/changes/log.ts`,
    text: "const offset = throughIndex ? offsetAt(feeds, now - INDEX_LAG) : heads(feeds);",
    replacement: "const offset = heads(feeds);",
    harm: "A list that an index has not caught up with has a cursor after the changes that it lacks",
    test: {
      file: `${TEST}/changes/read.test.ts`,
      title: "for a read through an index is older than",
    },
  },
  {
    file: `${CORE}/changes/offset.ts`,
    text: "if (now - at > retention || of !== epoch) throw expired();",
    replacement: "if (now - at > retention) throw expired();",
    harm: "After a restore a client resumes in another log and silently misses changes",
    test: {
      file: `${TEST}/changes/read.test.ts`,
      title: "into a table of another name all cursors expire",
    },
  },
  {
    file: `${CORE}/changes/offset.ts`,
    text: "if (now - at > retention || of !== epoch) throw expired();",
    replacement: "if (of !== epoch) throw expired();",
    harm: "A cursor is accepted although the changes after it are deleted",
    test: {
      file: `${TEST}/changes/read.test.ts`,
      title: "expires after the configured number of days",
    },
  },
  {
    file: `${CORE}/changes/offset.ts`,
    text: "Math.ceil((now + retention + 2 * DAY) / 1000);",
    replacement: "Math.ceil((now + retention - 2 * DAY) / 1000);",
    harm: "TTL deletes changes that cursors still lead to",
    test: {
      file: `${TEST}/changes/read.test.ts`,
      title: "is decoded to its offset for as long as",
    },
  },
  {
    file: `${CORE}/changes/change.ts`,
    text: "if (bytesOf(change) <= MAX_BYTES) return change;",
    replacement: "if (JSON.stringify(change).length <= MAX_BYTES) return change;",
    harm: "A change of texts in Chinese exceeds a frame, and no subscriber gets it",
    test: {
      file: `${TEST}/changes/change.test.ts`,
      title: "is measured in bytes: a character can have three",
    },
  },
  {
    file: `${CORE}/changes/topic.ts`,
    text: 'if (entered) return op === "create" ? op : "enter";',
    replacement: "if (entered) return op;",
    harm: "A subscriber of a filter does not learn that a record is new to it",
    test: {
      file: `${TEST}/live/subscription.test.ts`,
      title: "to a record or a filter gets the changes",
    },
  },
];

const live: Defect[] = [
  {
    file: `${CORE}/live/subscription.ts`,
    text: `  await Connection.subscribe(connection, topics);
  const [heads, renewed] = await Promise.all([
    ChangeLog.heads([...new Set(topics.map(({ feed }) => feed))]),`,
    replacement: `  const first = await ChangeLog.heads([...new Set(topics.map(({ feed }) => feed))]);
  await Connection.subscribe(connection, topics);
  const [heads, renewed] = await Promise.all([
    first,`,
    harm: "A change between the head and the subscription is neither replayed nor delivered",
    test: {
      file: `${TEST}/live/interleaving.test.ts`,
      title: "of a writer and a subscriber, and of a writer and a reader",
    },
  },
  {
    file: `${CORE}/live/subscription.ts`,
    text: "if (head.seq - seq > MAX_REPLAY)",
    replacement: "if (head.seq - seq < 0)",
    harm: "A client that was away for weeks replays millions of changes",
    test: {
      file: `${TEST}/live/subscription.test.ts`,
      title: "too_far_behind, with a cursor that is not",
    },
  },
  {
    file: `${CORE}/live/protocol.ts`,
    text: "const size = Buffer.byteLength(text) + 1; // and the comma",
    replacement: "const size = text.length + 1;",
    harm: "A frame with many texts in Chinese is larger than API Gateway takes",
    test: {
      file: `${TEST}/live/subscription.test.ts`,
      title: "has at most 32 KiB, whatever strings it contains",
    },
  },
  {
    file: `${CORE}/live/connection.ts`,
    text: "if (onlyInLobby && (await ageOf(id, row)) < HANDSHAKE) return;",
    replacement: "",
    harm: "A connection is forgotten during its handshake and stays deaf",
    test: {
      file: `${TEST}/live/fan-out.test.ts`,
      title: "that is gone while its handshake can be in progress is kept",
    },
  },
  {
    file: `${CORE}/live/connection.ts`,
    text: "return current !== undefined && tokenOf(current) !== tokenOf(connection) ? current : undefined;",
    replacement: 'return current !== undefined && connection.id === "" ? current : undefined;',
    harm: "A topic that is subscribed during an `auth` ends with the old token, without a word",
    test: {
      file: `${TEST}/live/renewal.test.ts`,
      title: "of a subscription and a renewal",
    },
  },
  {
    file: `${CORE}/live/connection.ts`,
    text: "size(connections) < :max OR",
    replacement: "size(connections) <= :max OR",
    harm: "One caller can open any number of connections",
    test: {
      file: `${TEST}/live/connection.test.ts`,
      title: "are at most 20, and do not count for another caller",
    },
  },
  {
    file: `${CORE}/live/ticket.ts`,
    text: "if (row === undefined || isExpired(row)) return undefined;\n    const { sub",
    replacement: "if (row === undefined) return undefined;\n    const { sub",
    harm: "A ticket opens a connection days after it was issued, until TTL deletes it",
    test: {
      file: `${TEST}/live/connection.test.ts`,
      title: "is refused after a minute, even before TTL",
    },
  },
  {
    file: `${CORE}/live/ticket.ts`,
    text: 'const deletion = { Key: ticketKey(ticket), ConditionExpression: "attribute_exists(pk)" };\n    const row = await deleteItem(deletion, TABLE);',
    replacement:
      'const { read } = await import("../store/dynamodb.ts");\n    const row = await read(ticketKey(ticket), TABLE);',
    harm: "A ticket opens more than one connection",
    test: { file: `${TEST}/live/connection.test.ts`, title: "opens one connection of its caller" },
  },
  {
    file: `${CORE}/live/connection.ts`,
    text: 'createHash("sha256").update(text).digest("base64url");',
    replacement: "text;",
    harm: "Who can read the table can use the tickets in it",
    test: { file: `${TEST}/live/connection.test.ts`, title: "is stored only as a hash" },
  },
  {
    file: `${CORE}/live/fan-out.ts`,
    text: "if (authExpiresAt !== undefined && authExpiresAt <= now) continue;",
    replacement: "",
    harm: "A subscriber gets changes after its token has expired",
    test: {
      file: `${TEST}/live/fan-out.test.ts`,
      title: "to no connection whose token has expired",
    },
  },
  {
    file: `${CORE}/live/fan-out.ts`,
    text: "if (bytes + size > room && bytes > 0) {",
    replacement: "if (bytes < 0) {",
    harm: "A large delivery is refused by the queue, and its frames are lost",
    test: {
      file: `${TEST}/live/fan-out.test.ts`,
      title: "is queued in messages that fit the queue",
    },
  },
  {
    file: `${CORE}/live/fan-out.ts`,
    text: "failures() < MAX_FAILURES ?",
    replacement: "failures() >= 0 ?",
    harm: "A gateway that does not answer holds up all other subscribers",
    test: { file: `${TEST}/live/fan-out.test.ts`, title: "stops sending to an endpoint after 100" },
  },
  {
    file: `${CORE}/live/send.ts`,
    text: 'return statusOf(error) === 410 ? "gone" : "failed";',
    replacement: 'return statusOf(error) === 409 ? "gone" : "failed";',
    harm: "Connections that are gone are never removed and slow down each delivery",
    test: SEND("410 means that the connection is gone"),
  },
  {
    file: `${CORE}/live/send.ts`,
    text: 'if (status === 200) return "sent";',
    replacement: 'if (status !== undefined) return "sent";',
    harm: "A frame that the gateway of the process does not take is lost",
    test: SEND("a frame that is throttled in this process is sent again over HTTP"),
  },
  {
    file: `${CORE}/live/send.ts`,
    text: "if (latest.frame !== frame) latest",
    replacement: "if (latest.frame.length !== frame.length) latest",
    harm: "A subscriber gets the frame of another one that is as long",
    test: SEND("frames to an endpoint in this process are handed over without a request"),
  },
  {
    file: `${CORE}/live/send.ts`,
    text: "return () => void directPosts.delete(endpoint);",
    replacement: "return () => undefined;",
    harm: "Frames go to a gateway of the process that has ended",
    test: SEND("frames to an endpoint in this process are handed over without a request"),
  },
  {
    file: `${CORE}/aws/retry.ts`,
    text: "if (status === 429 || THROTTLED.has(name)) return THROTTLE;",
    replacement: "if (THROTTLED.has(name)) return THROTTLE;",
    harm: "A frame is lost when API Gateway throttles",
    test: {
      file: `${TEST}/live/send.test.ts`,
      title: "is the same outcome after as many attempts",
    },
  },
];

const protocol: Defect[] = [
  {
    file: `${CORE}/aws/client.ts`,
    text: '      ...(credentials?.sessionToken && { "x-amz-security-token": credentials.sessionToken }),\n',
    replacement: "",
    harm: "DynamoDB refuses each call of a Lambda function, whose credentials have a session token",
    test: SIGNATURES,
  },
  {
    file: `${CORE}/signature.ts`,
    text: "if (last?.secret === secret && last.scope === scope) return last.key;",
    replacement: "if (last?.secret === secret) return last.key;",
    harm: "From the second day of a process on DynamoDB refuses its signatures",
    test: {
      file: `${CORE}/signature.test.ts`,
      title: "is signed with the key of its day and its region",
    },
  },
  {
    file: `${CORE}/aws/reply.ts`,
    text: "    ...(clockSkewCorrected && { clockSkewCorrected }),\n",
    replacement: "",
    harm: "A call fails although the clock that made its signature wrong is corrected",
    test: CLIENT("is corrected alike after a refused signature, and after a success"),
  },
  {
    file: `${CORE}/aws/client.ts`,
    text: "now: () => Date.now() + offset,",
    replacement: "now: () => Date.now(),",
    harm: "A process with a wrong clock can never call DynamoDB",
    test: CLIENT("is corrected alike after a refused signature, and after a success"),
  },
  {
    file: `${CORE}/aws/reply.ts`,
    text: "if (zlib.crc32(body) !== Number(expected)) throw",
    replacement: "if (Number.isNaN(Number(expected))) throw",
    harm: "A reply that was damaged on its way is taken for what is stored",
    test: NETWORK("a reply with another checksum than DynamoDB sent with it"),
  },
  {
    file: `${CORE}/aws/reply.ts`,
    text: "    if (broken) throw broken;\n",
    replacement: "",
    harm: "A reply that breaks off is taken for the whole one",
    test: CLIENT("is the same outcome of both clients"),
  },
  {
    file: `${CORE}/aws/reply.ts`,
    text: 'const byStatus = reply.status < 500 ? "client" : "server";',
    replacement: 'const byStatus = "client";',
    harm: "A request fails although DynamoDB would accept it at the next attempt",
    test: CLIENT("leads to the same attempts, once and always"),
  },
  {
    file: `${CORE}/aws/reply.ts`,
    text: "throw unreadable(error, reply);",
    replacement:
      'throw Object.assign(new Error("unreadable", { cause: error }), { $fault: "client" });',
    harm: "A write whose reply cannot be read is reported as refused although it may be applied",
    test: CLIENT("leads to the same attempts, once and always"),
  },
  {
    file: `${CORE}/aws/http.ts`,
    text: "const timer = setTimeout(() => fail(timedOut(timeout)), timeout);",
    replacement: "const timer = setTimeout(() => fail(timedOut(timeout)), timeout * 10);",
    harm: "A store that does not answer holds up a request for ten times as long",
    test: NETWORK("a server that does not answer is a time-out"),
  },
  {
    file: `${CORE}/aws/http.ts`,
    text: "const CONNECTION_TIMEOUT = 1_000;",
    replacement: "const CONNECTION_TIMEOUT = 100_000;",
    harm: "A host that does not take connections holds up a request until its last time-out",
    test: NETWORK("a host that does not take the connection is a time-out after one second"),
  },
  {
    file: `${CORE}/store/protocol/message.ts`,
    text: "  UnprocessedKeys: KEYS,\n",
    replacement: "",
    harm: "Keys that DynamoDB left unprocessed are asked for again in a wrong form",
    test: MESSAGE("of a reply is read alike"),
  },
  {
    file: `${CORE}/store/client.ts`,
    text: "if (Date.now() - since > MAX_WAIT) {",
    replacement: "if (Date.now() - since > MAX_WAIT * 100) {",
    harm: "While the store is overloaded all requests wait, and none is refused in time",
    test: {
      file: `${TEST}/store/faults.test.ts`,
      title: "calls that would wait long for an overloaded store are refused within 3 s",
    },
  },
];

export const core = [...stock, ...store, ...changes, ...live, ...protocol];
