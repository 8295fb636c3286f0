/**
 * The public keys of a token issuer, found by OpenID discovery as API Gateway finds them. Keys come
 * only from the configured issuer, and no token can make this process fetch them often.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 * https://openid.net/specs/openid-connect-discovery-1_0.html
 */

import { createPublicKey, type KeyObject } from "node:crypto";

export interface KeySource {
  /**
   * The key with this id for this algorithm; undefined if the issuer has no such key. Rejects if the
   * keys cannot be fetched.
   */
  find: (kid: string, alg: string) => Promise<KeyObject | undefined>;
}

/** API Gateway's own limits: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const FETCH_WITHIN = 1_500; // ms for each of the two documents
const LARGEST = 150_000; // bytes
const CACHED = 2 * 60 * 60 * 1000; // ms, as API Gateway caches a key
/** An unknown key id means that the issuer has new keys, or that a client invents ids. */
const COOLDOWN = 30_000; // ms between fetches for unknown ids
const PAUSE = 1_000; // ms after a failed fetch
const SHORTEST = 2048; // bits of a modulus

interface PublicKey {
  key: KeyObject;
  alg: unknown;
}

type KeySet = ReadonlyMap<string, PublicKey>;
type Members = Readonly<Record<string, unknown>>;

/** Creates the source of an issuer's keys. `clock` returns epoch ms; it may be set back. */
export function createKeySource(issuer: string, clock: () => number): KeySource {
  let current: { at: number; keys: KeySet } | undefined;
  let failure: { at: number; error: unknown } | undefined;
  let pending: Promise<KeySet> | undefined;
  let triedAt = -Infinity;

  /** False also for a time that lies ahead: the clock was set back, so how long ago it was is unknown. */
  const isWithin = (ms: number, since: number): boolean => {
    const passed = clock() - since;
    return passed >= 0 && passed < ms;
  };

  async function load(): Promise<KeySet> {
    if (failure && isWithin(PAUSE, failure.at)) throw failure.error;
    triedAt = clock();
    try {
      const keys = await fetchKeys(issuer);
      current = { at: clock(), keys };
      return keys;
    } catch (error) {
      failure = { at: clock(), error };
      throw error;
    }
  }
  // Concurrent tokens share one fetch.
  const loadOnce = () => (pending ??= load().finally(() => (pending = undefined)));

  return {
    async find(kid, alg) {
      let keys = current && isWithin(CACHED, current.at) ? current.keys : await loadOnce();
      if (!keys.has(kid) && !isWithin(COOLDOWN, triedAt)) keys = await loadOnce();
      const found = keys.get(kid);
      return found && (found.alg === undefined || found.alg === alg) ? found.key : undefined;
    },
  };
}

async function fetchKeys(issuer: string): Promise<KeySet> {
  const address = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const { issuer: named, jwks_uri: uri } = await fetchJson(address);
  if (named !== issuer) throw new Error(`${address} names another issuer`);
  if (typeof uri !== "string" || !isAllowed(uri, issuer)) {
    throw new Error(`${address} has no usable jwks_uri`);
  }
  const { keys } = await fetchJson(uri);
  if (!Array.isArray(keys)) throw new Error(`${uri} is not a key set`);
  return new Map(keys.flatMap((each: unknown) => (isObject(each) ? entryOf(each) : [])));
}

/** An issuer that uses TLS must not make this process fetch its keys without TLS. */
const isAllowed = (uri: string, issuer: string): boolean =>
  uri.startsWith("https://") || (uri.startsWith("http://") && issuer.startsWith("http://"));

async function fetchJson(url: string): Promise<Members> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(FETCH_WITHIN),
    redirect: "manual", // refused below; workerd has no "error"
  });
  if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > LARGEST) throw new Error(`${url} is larger than ${LARGEST} bytes`);
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  if (!isObject(value)) throw new Error(`${url} is not a JSON object`);
  return value;
}

/** The id and the key of a published key; nothing for one that is not an RSA key for signatures. */
function entryOf(jwk: Members): [kid: string, PublicKey][] {
  const { kty, kid, use, key_ops: operations, alg, n, e } = jwk;
  if (kty !== "RSA" || typeof kid !== "string") return [];
  if (typeof n !== "string" || typeof e !== "string") return [];
  if (use !== undefined && use !== "sig") return [];
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) {
    return [];
  }
  const key = publicKey(n, e);
  return key === undefined ? [] : [[kid, { key, alg }]];
}

function publicKey(n: string, e: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: { kty: "RSA", n, e }, format: "jwk" });
    const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
    // With the exponent 1 a signature equals its padded message, so anyone could sign.
    return modulusLength >= SHORTEST && publicExponent > 1n ? key : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);
