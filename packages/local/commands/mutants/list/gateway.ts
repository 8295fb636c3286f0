import type { Defect } from "../defect.ts";

const GATEWAY = "packages/gateway";
const TOKENS = `${GATEWAY}/auth/jwt-authorizer.test.ts`;
const REFUSED = (title: string) => ({ file: TOKENS, title });
const SIGNED = (title: string) => ({ file: `${GATEWAY}/websocket/management-api.test.ts`, title });
const SOCKET = (title: string) => ({ file: `${GATEWAY}/websocket/websocket-api.test.ts`, title });

const tokens: Defect[] = [
  {
    file: `${GATEWAY}/auth/jwt.ts`,
    text: 'if (exp <= now) throw new InvalidToken("the token has expired");',
    replacement: "",
    harm: "A token is accepted after it has expired",
    test: REFUSED("an expiry at the current second"),
  },
  {
    file: `${GATEWAY}/auth/jwt.ts`,
    text: "for (const time of [nbf, iat]) {",
    replacement: "for (const time of [iat]) {",
    harm: "A token is accepted before the time from which it is valid",
    test: REFUSED("nbf in the future"),
  },
  {
    file: `${GATEWAY}/auth/jwt.ts`,
    text: "if (iss !== expected.issuer)",
    replacement: "if (iss === undefined)",
    harm: "A token of another issuer is accepted",
    test: REFUSED("another issuer"),
  },
  {
    file: `${GATEWAY}/auth/jwt.ts`,
    text: '"aud" in claims ? claims["aud"] : claims["client_id"];',
    replacement: 'claims["aud"] ?? claims["client_id"];',
    harm: "A token that is for nobody is accepted because of its client_id",
    test: REFUSED("a null audience and the right client_id"),
  },
  {
    file: `${GATEWAY}/auth/jwt.ts`,
    text: 'typeof name === "string" && expected.audience.has(name))',
    replacement: 'typeof name === "string")',
    harm: "A token for another API is accepted",
    test: REFUSED("an audience array without the API's"),
  },
  {
    file: `${GATEWAY}/auth/jwt.ts`,
    text: 'const ALGORITHMS = ["RS256", "RS384", "RS512"];',
    replacement: 'const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256"];',
    harm: "A token is accepted that API Gateway refuses because of its algorithm",
    test: REFUSED("a valid signature by PS256"),
  },
  {
    file: `${GATEWAY}/auth/jwt.ts`,
    text: "await compactVerify(token, key, { algorithms: [alg] });",
    replacement: "await Promise.resolve(compactVerify);",
    harm: "A token is accepted whatever its signature",
    test: REFUSED("the signature of another key under the issuer's kid"),
  },
  {
    file: `${GATEWAY}/auth/jwt.ts`,
    text: "if (known && known.key === (await keys.find(known.kid, known.alg))) return known.claims;",
    replacement: "if (known) return known.claims;",
    harm: "A token is accepted after its issuer has withdrawn the key",
    test: REFUSED("refuses a withdrawn one after two hours"),
  },
  {
    file: `${GATEWAY}/auth/jwt-authorizer.ts`,
    text: "if (scopes.length > 0 && !scopes.some((scope) => granted.includes(scope))) {",
    replacement: "if (scopes.length > 0 && granted.length === 0) {",
    harm: "A token with any scope passes the gateway",
    test: REFUSED("on a route that needs read or admin is"),
  },
  {
    file: `${GATEWAY}/auth/jwks.ts`,
    text: "if (!keys.jwks.has(kid) && !isWithin(COOLDOWN, triedAt))",
    replacement: "if (!keys.jwks.has(kid))",
    harm: "A client with invented key ids makes the gateway fetch keys without end",
    test: REFUSED("fetches keys once, and again for unknown kids"),
  },
  {
    file: `${GATEWAY}/auth/iam-policy.ts`,
    text: 'if (statement.effect === "Deny") return "deny";',
    replacement: "",
    harm: "A policy that denies a request lets it pass",
    test: { file: `${GATEWAY}/auth/lambda-authorizer.test.ts`, title: "a policy that " },
  },
  {
    file: `${GATEWAY}/auth/iam-policy.ts`,
    text: "patterns.some((pattern) => matches(pattern, text)) !== negated;",
    replacement: "patterns.some((pattern) => matches(pattern, text)) && !negated;",
    harm: "A policy that denies all but some resources denies none",
    test: {
      file: `${GATEWAY}/rest/policy.test.ts`,
      title: "a resource policy that",
    },
  },
];

const signatures: Defect[] = [
  {
    file: `${GATEWAY}/auth/iam-authorization.ts`,
    text: "if (Math.abs(request.receivedAt - sentAt) > MAX_SKEW) {",
    replacement: "if (request.receivedAt < 0) {",
    harm: "A signed request can be sent again at any later time",
    test: SIGNED("a clock that is slow"),
  },
  {
    file: `${GATEWAY}/auth/iam-authorization.ts`,
    text: "(await verifySignature(request, authorization, body, secret)) ? undefined : INVALID;",
    replacement: "void verifySignature(request, authorization, body, secret) ?? undefined;",
    harm: "Anyone who knows an access key id can send frames to all connections",
    test: SIGNED("another secret"),
  },
  {
    file: `${GATEWAY}/auth/iam-authorization.ts`,
    text: '!signedHeaders.includes("host") || !signedHeaders.includes("x-amz-date")',
    replacement: '!signedHeaders.includes("host")',
    harm: "A signed request is valid with any date",
    test: SIGNED("no date among the signed headers"),
  },
  {
    file: `${GATEWAY}/auth/iam-authorization.ts`,
    text: "if (credential.region !== region) {",
    replacement: 'if (credential.region === "") {',
    harm: "A signature for another region is accepted",
    test: SIGNED("another region"),
  },
  {
    file: `${GATEWAY}/auth/sigv4.ts`,
    text: 'request.headers.get(PAYLOAD_HASH) !== hash("sha256", body)',
    replacement: "request.headers.get(PAYLOAD_HASH) === undefined",
    harm: "Another body can be sent under a signature",
    test: {
      file: `${GATEWAY}/auth/sigv4.test.ts`,
      title: "a signed payload hash does not replace the hash of the body",
    },
  },
];

const limits: Defect[] = [
  {
    file: `${GATEWAY}/throttle.ts`,
    text: "tokens = Math.min(burst, tokens + (Math.max(0, at - filledAt) / 1000) * rate);",
    replacement: "tokens = tokens + (Math.max(0, at - filledAt) / 1000) * rate;",
    harm: "After a quiet night a caller may send millions of requests in a second",
    test: {
      file: `${GATEWAY}/throttle.test.ts`,
      title: "a bucket never holds more than the burst",
    },
  },
  {
    file: `${GATEWAY}/throttle.ts`,
    text: "/ 1000) * rate);",
    replacement: "/ 1000) * 0 * rate);",
    harm: "After its burst a caller is refused for ever",
    test: { file: `${GATEWAY}/throttle.test.ts`, title: "admits a burst immediately" },
  },
  {
    file: `${GATEWAY}/throttle.ts`,
    text: "if (!buckets.every((bucket) => bucket.ready(now))) return false;",
    replacement: "if (!buckets.some((bucket) => bucket.ready(now))) return false;",
    harm: "A route's own limit is not applied",
    test: { file: `${GATEWAY}/throttle.test.ts`, title: "takes no token from the others" },
  },
  {
    file: `${GATEWAY}/http/cors.ts`,
    text: "const isAllowed = (origin: string) =>\n    any ||",
    replacement: "const isAllowed = (origin: string) =>\n    origin.length > 0 ||\n    any ||",
    harm: "The gateway lets pages of any origin read answers",
    test: { file: `${GATEWAY}/http/http-api.test.ts`, title: "is not https://a.example" },
  },
  {
    file: `${GATEWAY}/http/cors.ts`,
    text: 'const vary: HeaderList = any ? [] : [["vary", "Origin"]];',
    replacement: "const vary: HeaderList = [];",
    harm: "A cache gives the answer for one origin to another one",
    test: {
      file: `${GATEWAY}/http/http-api.test.ts`,
      title: "an answer for one origin is not kept by a cache",
    },
  },
  {
    file: `${GATEWAY}/body.ts`,
    text: "if (size > limit && !refused) {",
    replacement: "if (size < 0 && !refused) {",
    harm: "A body without an announced length can fill the memory",
    test: {
      file: `${GATEWAY}/body.test.ts`,
      title: "a body is refused as soon as it exceeds the limit",
    },
  },
  {
    file: `${GATEWAY}/http/http-api.ts`,
    text: "if (!admit(clock(), ...buckets)) {",
    replacement: "if (clock() < 0) {",
    harm: "The laptop never throttles, so a client meets 429 on AWS only",
    test: {
      file: `${GATEWAY}/http/http-api.test.ts`,
      title: "routes without a throttle share that of the stage",
    },
  },
];

const sockets: Defect[] = [
  {
    file: `${GATEWAY}/websocket/frame-limit.ts`,
    text: "isData && length > limit ? 1009",
    replacement: "isData && length > limit * 4 ? 1009",
    harm: "The laptop accepts frames that API Gateway refuses",
    test: {
      file: `${GATEWAY}/websocket/frame.test.ts`,
      title: "a frame is judged the same in chunks of any size",
    },
  },
  {
    file: `${GATEWAY}/websocket/frame-limit.ts`,
    text: "const violation = opcode === BINARY ? 1003 :",
    replacement: "const violation = opcode === 15 ? 1003 :",
    harm: "The laptop accepts binary frames, which API Gateway refuses",
    test: {
      file: `${GATEWAY}/websocket/frame.test.ts`,
      title: "a frame is judged the same in chunks of any size",
    },
  },
  {
    file: `${GATEWAY}/websocket/frame-limit.ts`,
    text: "if (isData) fragmented = first < 0x80;",
    replacement: "fragmented = first < 0x80;",
    harm: "A ping between two parts of a message breaks the message",
    test: {
      file: `${GATEWAY}/websocket/frame.test.ts`,
      title: "a control frame between two fragments does not end the message",
    },
  },
  {
    file: `${GATEWAY}/websocket/frame.ts`,
    text: "const offset = length < 126 ? 2 : length < 65_536 ? 4 : 10;",
    replacement: "const offset = length <= 126 ? 2 : length < 65_536 ? 4 : 10;",
    harm: "A frame of 126 bytes cannot be read by its client",
    test: {
      file: `${GATEWAY}/websocket/frame.test.ts`,
      title: "bytes has the right header and payload",
    },
  },
  {
    file: `${GATEWAY}/websocket/connection.ts`,
    text: '["WS_ERR_INVALID_UTF8", 1007],',
    replacement: "",
    harm: "A client that sends text which is not UTF-8 gets a close code of another fault",
    test: { file: `${GATEWAY}/websocket/frame.test.ts`, title: "gets its close code" },
  },
  {
    file: `${GATEWAY}/websocket/connection.ts`,
    text: "if (!closeStatus || isDisconnecting || running > 0) return;",
    replacement: "if (!closeStatus || isDisconnecting) return;",
    harm: "$disconnect runs before a message of the connection has ended, which then revives it",
    test: SOCKET("$disconnect runs after the messages before it"),
  },
  {
    file: `${GATEWAY}/websocket/connection.ts`,
    text: 'if (data.length > limits.message) return "too-large";',
    replacement: "",
    harm: "The laptop sends messages that API Gateway refuses",
    test: SOCKET("no message above 128 KB is sent"),
  },
  {
    file: `${GATEWAY}/websocket/websocket-api.ts`,
    text: "if (isIdle || isOld) connection.close(GOING_AWAY);",
    replacement: "if (isOld) connection.close(GOING_AWAY);",
    harm: "Connections that are idle stay open on the laptop and close on AWS",
    test: SOCKET("ten minutes without a message close a connection"),
  },
  {
    file: `${GATEWAY}/websocket/websocket-api.ts`,
    text: "await runner.disconnect(info, closing ? GOING_AWAY : ABORTED);",
    replacement: "",
    harm: "A client that leaves during its handshake stays subscribed",
    test: {
      file: `${GATEWAY}/websocket/handshake.test.ts`,
      title: "a client that disconnects during $connect gets its $disconnect",
    },
  },
];

export const gateway = [...tokens, ...signatures, ...limits, ...sockets];
