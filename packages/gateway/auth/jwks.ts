/**
 * Fetches and caches the public keys of a token issuer. Keys come only from the issuer that the API is
 * configured with, and clients cannot make the gateway fetch them often.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 */

import { type CryptoKey, importJWK } from "jose";
import { isRecord } from "../json.ts";

/** The public keys of one issuer. */
export interface KeySource {
  /**
   * The key with this id for this algorithm; undefined if the issuer has no such key. Rejects if the
   * keys cannot be fetched.
   */
  find(kid: string, alg: string): Promise<CryptoKey | undefined>;
  close(): void;
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const FETCH_LIMIT = 1500; // milliseconds
const SIZE_LIMIT = 150_000; // bytes
// API Gateway caches a public key for two hours.
const CACHED = 2 * 60 * 60 * 1000; // milliseconds
// An unknown key id can mean that the issuer has rotated its keys, or that a client invents ids. New
// keys are fetched at most this often.
const COOLDOWN = 30_000; // milliseconds
const PAUSE = 1000; // milliseconds after a failed fetch
const SMALLEST_MODULUS = 2048 / 8; // bytes

interface RsaKey {
  kid: string;
  n: string;
  e: string;
  alg?: unknown;
}

interface KeySet {
  fetchedAt: number; // epoch milliseconds
  jwks: ReadonlyMap<string, RsaKey>;
  imported: Map<string, Promise<CryptoKey>>;
}

/**
 * Creates the key source of an issuer. Nothing is fetched before the first `find`. `clock` returns epoch
 * milliseconds; it may be set back.
 */
export function createKeySource(issuer: string, clock: () => number): KeySource {
  const closed = new AbortController();
  let current: KeySet | undefined;
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
      const jwks = await fetchKeys(issuer, closed.signal);
      current = { fetchedAt: clock(), jwks, imported: new Map() };
      return current;
    } catch (error) {
      failure = { at: clock(), error };
      throw error;
    }
  }
  // Concurrent requests share one fetch.
  const loadOnce = () => (pending ??= load().finally(() => (pending = undefined)));

  return {
    async find(kid, alg) {
      const fresh = current && isWithin(CACHED, current.fetchedAt) ? current : undefined;
      let keys = fresh ?? (await loadOnce());
      if (!keys.jwks.has(kid) && !isWithin(COOLDOWN, triedAt)) keys = await loadOnce();
      const jwk = keys.jwks.get(kid);
      if (!jwk || (jwk.alg !== undefined && jwk.alg !== alg)) return undefined;
      const name = `${alg} ${kid}`;
      const imported = keys.imported.get(name) ?? importKey(jwk, alg);
      keys.imported.set(name, imported);
      return imported;
    },
    close: () => closed.abort(),
  };
}

async function fetchKeys(issuer: string, closed: AbortSignal): Promise<Map<string, RsaKey>> {
  const discovery = await fetchJson(
    `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
    closed,
  );
  if (discovery["issuer"] !== issuer)
    throw new Error(`discovery of ${issuer} names another issuer`);
  const uri = discovery["jwks_uri"];
  if (typeof uri !== "string" || !isAllowed(uri, issuer)) {
    throw new Error(`discovery of ${issuer} has no usable jwks_uri`);
  }
  const { keys } = await fetchJson(uri, closed);
  if (!Array.isArray(keys)) throw new Error(`${uri} is not a key set`);
  const usable = keys.filter(isUsable);
  return new Map(usable.map((key) => [key.kid, key]));
}

async function fetchJson(url: string, closed: AbortSignal): Promise<Record<string, unknown>> {
  const signal = AbortSignal.any([closed, AbortSignal.timeout(FETCH_LIMIT)]);
  const response = await fetch(url, { signal, redirect: "error" });
  if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > SIZE_LIMIT) throw new Error(`${url} is larger than ${SIZE_LIMIT} bytes`);
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  if (!isRecord(value)) throw new Error(`${url} is not a JSON object`);
  return value;
}

/** An issuer that uses TLS must not make the gateway fetch its keys without TLS. */
function isAllowed(uri: string, issuer: string): boolean {
  return uri.startsWith("https://") || (uri.startsWith("http://") && issuer.startsWith("http://"));
}

function isUsable(key: unknown): key is RsaKey {
  if (!isRecord(key) || key["kty"] !== "RSA") return false;
  const { kid, use, key_ops: operations, n, e } = key;
  if (typeof kid !== "string" || typeof n !== "string" || typeof e !== "string") return false;
  if (use !== undefined && use !== "sig") return false;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) {
    return false;
  }
  // With the exponent 1 a signature equals its padded message, so anyone could sign.
  const exponent = BigInt(`0x0${Buffer.from(e, "base64url").toString("hex")}`);
  return exponent > 1n && Buffer.from(n, "base64url").length >= SMALLEST_MODULUS;
}

function importKey({ n, e }: RsaKey, alg: string): Promise<CryptoKey> {
  // Only the public members: a key set that leaks its private members must not give a signing key.
  return importJWK({ kty: "RSA", n, e }, alg);
}
