import type { Defect } from "../defect.ts";

const API = "packages/functions/src/api";
const APP_TEST = `${API}/app.test.ts`;
const HANDLER_TEST = "packages/functions/test/handler.test.ts";
const OPENAPI_TEST = "packages/functions/scripts/openapi.test.ts";
const CONVENTIONS = "packages/local/test/contract/conventions.test.ts";
const SERVICE_TEST = "packages/local/test/service.test.ts";
const LIVE_TEST = "packages/local/test/live";

const http: Defect[] = [
  {
    file: `${API}/caller.ts`,
    text: "const caller = gate ? await gate(c, route) : callerOf(",
    replacement: "const caller = (await gate?.(c, route)) ?? callerOf(",
    harm: "A host without a gateway takes a caller from its bindings",
    test: { file: SERVICE_TEST, title: "nothing but a token names a caller" },
  },
  {
    file: "packages/functions/src/hosts/service.ts",
    text: "forwarded.at(-proxies)",
    replacement: "forwarded.at(0)",
    harm: "A client behind a proxy chooses the address that limits it",
    test: {
      file: SERVICE_TEST,
      title: "X-Forwarded-For counts from the right, by the number of trusted proxies",
    },
  },
  {
    file: `${API}/serve.ts`,
    text: ".use(deadline(settings.deadline ?? DEADLINE, refuse))",
    replacement: "",
    harm: "A slow request ends with the gateway's 503, without a problem that callers can read",
    test: {
      file: APP_TEST,
      title: "a request that never ends is 503 before its gateway would end it",
    },
  },
  {
    file: `${API}/serve.ts`,
    text: "const DEADLINE = 25_000;",
    replacement: "const DEADLINE = 30_000;",
    harm: "The app's own deadline is after that of its gateway",
    test: {
      file: APP_TEST,
      title: "a request that never ends is 503 before its gateway would end it",
    },
  },
  {
    file: `${API}/route.ts`,
    text: `    const cursor = feeds && (await cursorBefore(feeds, throughIndex?.(c.req.query())));
    await next();`,
    replacement: `    await next();
    const cursor = feeds && (await cursorBefore(feeds, throughIndex?.(c.req.query())));`,
    harm: "A change between a read and its Feed-Cursor never reaches the reader",
    test: { file: APP_TEST, title: "is read before the record, so that no change between" },
  },
  {
    file: `${API}/route.ts`,
    text: "    refuseUnknownParameters(c, known);\n",
    replacement: "",
    harm: "A misspelt filter returns all records",
    test: {
      file: "packages/local/test/contract/users.test.ts",
      title: "an unknown parameter is 400, so that a typing error never widens a list",
    },
  },
  {
    file: `${API}/body.ts`,
    text: 'if (c.req.header("content-encoding")) {',
    replacement: 'if (c.req.header("content-encoding") === "") {',
    harm: "A compressed body is read as JSON and refused as malformed",
    test: { file: CONVENTIONS, title: "a body with a content encoding is 415" },
  },
  {
    file: `${API}/body.ts`,
    text: "const bytes = await readBytes(c, maxBytes);",
    replacement: "const bytes = await readBytes(c, maxBytes * 100);",
    harm: "A body of any size is read and stored",
    test: { file: CONVENTIONS, title: "a body of more than 64 KiB is 413" },
  },
  {
    file: `${API}/caller.ts`,
    text: 'scopes.includes(scope) || scopes.includes("admin");',
    replacement: "scopes.length > 0;",
    harm: "A token with any scope may do everything",
    test: {
      file: "packages/local/test/contract/products.test.ts",
      title: "include=inventory needs read:inventory as well",
    },
  },
  {
    file: `${API}/caller.ts`,
    text: 'if (scope !== undefined && scope !== "token") requireScope(caller, scope);',
    replacement: "",
    harm: "Without a gateway a token needs no scope at all",
    test: { file: CONVENTIONS, title: "refuses a token with all scopes except its own" },
  },
  {
    file: `${API}/conditions.ts`,
    text: "return Number(own.exec(tag)?.[1] ?? NEVER);",
    replacement: "return Number(own.exec(tag)?.[1] ?? 1);",
    harm: "If-Match with the tag of another server overwrites a record",
    test: { file: CONVENTIONS, title: "a stale version is 412 and changes nothing" },
  },
  {
    file: `${API}/conditions.ts`,
    text: "const request = `${c.req.method} ${c.req.path}\\n${body}`;",
    replacement: "const request = body;",
    harm: "A key answers a request to another path with the answer of the first one",
    test: { file: CONVENTIONS, title: "the same key with another body or path is 422" },
  },
  {
    file: `${API}/answer.ts`,
    text: 'ifNoneMatch?.some((candidate) => candidate.replace(/^W\\//, "") === etag(tag));',
    replacement: "ifNoneMatch !== undefined;",
    harm: "A caller with an old version is told that nothing has changed",
    test: { file: CONVENTIONS, title: "a version that the caller already has is 304" },
  },
  {
    file: `${API}/routes/product.ts`,
    text: "`${found.version}.${level.version}`",
    replacement: "String(found.version)",
    harm: "A page that shows the stock of a product keeps an old stock",
    test: {
      file: "packages/local/test/contract/products.test.ts",
      title: "include=inventory embeds the stock level, and the ETag changes with both",
    },
  },
  {
    file: `${API}/routes/reservation.ts`,
    text: 'status === "expired" ? `${version}.expired` : String(version)',
    replacement: "String(version)",
    harm: "A caller keeps a reservation as active after it has expired",
    test: {
      file: "packages/local/test/contract/reservations.test.ts",
      title: "a reservation that has expired is not 304 to a caller who knows it as active",
    },
  },
  {
    file: `${API}/routes/product.ts`,
    text: 'requireScope(c.var.caller, "read:inventory");',
    replacement: "",
    harm: "Who may read products can read stock levels",
    test: {
      file: "packages/local/test/contract/products.test.ts",
      title: "include=inventory needs read:inventory as well",
    },
  },
  {
    file: `${API}/topic.ts`,
    text: "requireScope(caller, readScope(topic.feed));",
    replacement: "",
    harm: "Any token can read the changes of users",
    test: {
      file: "packages/local/test/contract/changes.test.ts",
      title: "reading a topic needs its resource's scope",
    },
  },
  {
    file: `${API}/routes/history.ts`,
    text: 'alsoNeeds: "read:history" as const,',
    replacement: "alsoNeeds: undefined as never,",
    harm: "Who may read records can read who changed them",
    test: {
      file: "packages/local/test/contract/changes.test.ts",
      title: "history needs the resource's scope and read:history",
    },
  },
  {
    file: `${API}/middleware/cors.ts`,
    text: "if (origin === undefined || !origins.includes(origin)) return;",
    replacement: "if (origin === undefined) return;",
    harm: "Any page may send requests with a visitor's credentials",
    test: { file: HANDLER_TEST, title: "only listed origins get CORS headers" },
  },
  {
    file: `${API}/middleware/request-context.ts`,
    text: "given !== undefined && REQUEST_ID.test(given) ? given : newId();",
    replacement: "given ?? newId();",
    harm: "A caller can write any text into the log",
    test: { file: CONVENTIONS, title: "a valid request id of the caller is returned" },
  },
  {
    file: `${API}/event.ts`,
    text: "if (!inside.every(isAsked) ||",
    replacement: "if (inside.length === 0 ||",
    harm: "The path that is authorised differs from the path that runs",
    test: { file: HANDLER_TEST, title: "a slash within a parameter does not move the route" },
  },
  {
    file: "packages/functions/scripts/openapi-document.ts",
    text: '...[...route.path.matchAll(/\\{(\\w+)\\}/g)].map(([, name = ""]) => ({',
    replacement: '...[...route.path.matchAll(/<(\\w+)>/g)].map(([, name = ""]) => ({',
    harm: "Clients that are generated from the OpenAPI document cannot name a record",
    test: { file: OPENAPI_TEST, title: "has exactly its parameters" },
  },
  {
    file: "packages/functions/scripts/openapi-document.ts",
    text: "responses: { ...refusalsOf(codesOf(route)), ...answersOf(route) },",
    replacement:
      'responses: { ...refusalsOf(codesOf(route).filter((code) => !code.endsWith("_not_found"))), ...answersOf(route) },',
    harm: "The OpenAPI document does not say that a record can be missing",
    test: { file: OPENAPI_TEST, title: "has exactly its statuses, codes and headers" },
  },
  {
    file: "packages/functions/src/telemetry/redact.ts",
    text: "if (SECRETS.has(name.toLowerCase())) return REDACTED;",
    replacement: "if (SECRETS.has(name)) return REDACTED;",
    harm: "Debug logs contain tokens of headers that are written in capitals",
    test: {
      file: "packages/functions/src/telemetry/redact.test.ts",
      title: "credentials and addresses are redacted, wherever they are",
    },
  },
  {
    file: "packages/functions/src/telemetry/redact.ts",
    text: "  return `[${body.length} characters]`;",
    replacement: "  return body;",
    harm: "Debug logs contain bodies that are no JSON, such as forms with passwords",
    test: {
      file: "packages/functions/src/telemetry/redact.test.ts",
      title: "a body that is not JSON is replaced by its length",
    },
  },
];

const events: Defect[] = [
  {
    file: "packages/functions/src/handlers/changes.ts",
    text: "  let appended: LoggedChange[];\n",
    replacement:
      "  let appended: LoggedChange[];\n  await deliver(entries as LoggedChange[]).catch(() => undefined);\n",
    harm: "A client that subscribes during a delivery never gets that change",
    test: {
      file: "packages/functions/test/changes.test.ts",
      title: "a change is in the log before its subscribers are read",
    },
  },
  {
    file: "packages/functions/src/handlers/changes.ts",
    text: "if (isUnavailable(error)) throw error; // a fault of the store",
    replacement: "",
    harm: "While the store is away, healthy changes become dead letters",
    test: {
      file: "packages/functions/test/changes.test.ts",
      title: "a store that stays away fails the batch, and makes no dead letter",
    },
  },
  {
    file: "packages/functions/src/handlers/changes.ts",
    text: "if (!event.isRedrive && (await sentToDeadLetters(record, error))) continue;",
    replacement: "continue;",
    harm: "A record that cannot be read disappears without a dead letter",
    test: {
      file: "packages/functions/test/changes.test.ts",
      title: "an unreadable record that the queue does not take fails alone",
    },
  },
  {
    file: "packages/functions/src/live/actions.ts",
    text: "if (forbidden.length > 0) throw",
    replacement: "if (forbidden.length < 0) throw",
    harm: "Any token can subscribe to the changes of users",
    test: {
      file: `${LIVE_TEST}/live.test.ts`,
      title: "each topic needs its resource's scope",
    },
  },
  {
    file: "packages/functions/src/live/actions.ts",
    text: "if (caller.sub !== connection.sub) {",
    replacement: "if (caller.sub === undefined) {",
    harm: "A connection goes on under another subject's token",
    test: {
      file: `${LIVE_TEST}/hostile.test.ts`,
      title: "a token of another subject or an invalid token changes nothing",
    },
  },
  {
    file: "packages/functions/src/live/actions.ts",
    text: 'if (!permits(connection, "publish:channels")) {',
    replacement: 'if (!permits(connection, "publish:channels") && text === "") {',
    harm: "Anyone may send messages to all connections",
    test: {
      file: `${LIVE_TEST}/live.test.ts`,
      title: "sending needs the scope publish:channels",
    },
  },
  {
    file: "packages/functions/src/live/actions.ts",
    text: 'await reply({ type: old ? "goaway" : "pong", heads });',
    replacement: 'await reply({ type: "pong", heads });',
    harm: "API Gateway closes each connection after two hours without a warning",
    test: {
      file: `${LIVE_TEST}/auth.test.ts`,
      title: "after 110 minutes a ping is answered with goaway",
    },
  },
  {
    file: "packages/functions/src/live/receive.ts",
    text: "const outcome = await disconnect({ id: connectionId, endpoint });",
    replacement: 'const outcome: string = "sent";',
    harm: "A client that the server has forgotten waits for answers and changes for ever",
    test: {
      file: `${LIVE_TEST}/live.test.ts`,
      title: "a connection that the server has forgotten is closed at its next frame",
    },
  },
  {
    file: "packages/functions/src/handlers/authorizer.ts",
    text: "if (origin !== undefined && !allowedOrigin(config.ALLOWED_ORIGINS, origin)) {",
    replacement: 'if (origin === "") {',
    harm: "Any page can open a connection with a visitor's token",
    test: {
      file: `${LIVE_TEST}/connect.test.ts`,
      title: "a page of another origin is 403, whatever its credentials",
    },
  },
];

const AUTH = "packages/functions/src/auth";
const SAME_TOKENS = {
  file: "packages/local/test/token-rule.test.ts",
  title: "gateway and functions agree: a token with",
};
const TOKEN_END = (title: string) => ({ file: "packages/functions/test/deliver.test.ts", title });

const tokens: Defect[] = [
  {
    file: `${AUTH}/token.ts`,
    text: 'if (exp <= now) throw new InvalidToken("the token has expired");',
    replacement: "",
    harm: "A connection is opened with a token that has expired",
    test: SAME_TOKENS,
  },
  {
    file: `${AUTH}/token.ts`,
    text: "for (const time of [nbf, iat]) {",
    replacement: "for (const time of [iat]) {",
    harm: "A connection is opened with a token that is not valid yet",
    test: SAME_TOKENS,
  },
  {
    file: `${AUTH}/token.ts`,
    text: '"aud" in claims ? claims["aud"] : claims["client_id"];',
    replacement: 'claims["aud"] ?? claims["client_id"];',
    harm: "A connection is opened with a token that is for nobody, because of its client_id",
    test: SAME_TOKENS,
  },
  {
    file: `${AUTH}/token.ts`,
    text: 'typeof alg === "string" ? DIGESTS.get(alg) : undefined;',
    replacement: 'DIGESTS.get(String(alg)) ?? "sha256";',
    harm: "A connection is opened with a token under an algorithm that the HTTP API refuses",
    test: SAME_TOKENS,
  },
  {
    file: `${AUTH}/token.ts`,
    text: 'if (!verifySignature(digest, Buffer.from(signed), key, Buffer.from(signature, "base64url"))) {',
    replacement: "if (verifySignature === undefined) {",
    harm: "A connection is opened with a token that anyone has written",
    test: SAME_TOKENS,
  },
  {
    file: `${API}/caller.ts`,
    text: 'if (use !== undefined && use !== "access") return undefined;',
    replacement: "",
    harm: "A page that knows only who has signed in can act as that user",
    test: SAME_TOKENS,
  },
  {
    file: `${AUTH}/keys.ts`,
    text: "if (!keys.has(kid) && !isWithin(COOLDOWN, triedAt))",
    replacement: "if (!keys.has(kid))",
    harm: "Connections with invented key ids make a function fetch keys without end",
    test: {
      file: SAME_TOKENS.file,
      title: "are fetched again for unknown key ids at most every 30 s",
    },
  },
  {
    file: "packages/functions/src/live/token-end.ts",
    text: "    await scheduleTokenEnd(connection);\n    return;",
    replacement: "    return;",
    harm: "A silent connection stays open after its token, if that is valid for over 15 minutes",
    test: TOKEN_END("beyond the longest delay of a message is waited for with several messages"),
  },
  {
    file: "packages/functions/src/live/token-end.ts",
    text: "if (await Connection.find(connection.id)) await enqueueLater?.({ tokenEnd: message }, RETRY);",
    replacement: "",
    harm: "A connection whose token expires during its handshake stays open",
    test: TOKEN_END(
      "during a handshake, or while API Gateway fails, is tried again until it is closed",
    ),
  },
  {
    file: "packages/functions/src/live/token-end.ts",
    text: "if (now < before) await scheduleTokenEnd(renewed);",
    replacement: "if (now > before) await scheduleTokenEnd(renewed);",
    harm: "A connection with a token that expires earlier than its first one stays open",
    test: {
      file: `${LIVE_TEST}/auth.test.ts`,
      title: "a silent connection is closed within 5 s of the end of its token",
    },
  },
];

export const functions = [...http, ...events, ...tokens];
