/**
 * API keys. A gateway can hold the hash of a key instead of the key, so that whoever reads the file of
 * keys cannot use them. A key identifies a caller for metering; it is no proof of identity.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-setup-api-key-with-restapi.html
 */

import { hash } from "node:crypto";
import { createCache } from "../cache.ts";

/** An API key, given as its value or as the SHA-256 of its value in hex. */
export type ApiKeyConfig = {
  id: string;
  enabled: boolean;
  /** The key is refused from then on. Not a setting of AWS. */
  expiresAt?: number | undefined; // epoch milliseconds
  /** Names of usage plans that the key belongs to, besides those that list it. */
  plans?: readonly string[];
} & ({ value: string } | { valueHash: string });

/**
 * The keys of an API at one moment. Called for each request, so that keys can change meanwhile. With
 * `fresh` it was called already, and a key was refused: a source that seldom looks for changes looks now.
 */
export type ApiKeySource = (fresh?: boolean) => readonly ApiKeyConfig[];

/** The SHA-256 of a key, in hex. Keys are long and random, so a slow hash would protect no better. */
export const hashOf = (value: string): string => hash("sha256", value);

const HASHES = 1000; // remembered
const MAX_KEY = 128; // characters of a key at AWS; the hash of a longer value is not remembered

/**
 * Creates the function that finds a usable key by its value. Undefined if the key is unknown, disabled
 * or has expired. The index is built again only if the source returns another list.
 */
export function createKeyFinder(
  source: ApiKeySource,
): (value: string, now: number) => ApiKeyConfig | undefined {
  let list: readonly ApiKeyConfig[] = [];
  let byHash = new Map<string, ApiKeyConfig>();
  const find = (valueHash: string, now: number, fresh: boolean) => {
    const current = source(fresh);
    if (current !== list) {
      list = current;
      byHash = new Map(
        list.map((key) => ["value" in key ? hashOf(key.value) : key.valueHash, key]),
      );
    }
    const key = byHash.get(valueHash);
    // NaN is a time that could not be read.
    const isValid = key?.expiresAt === undefined || key.expiresAt > now;
    return key?.enabled && isValid ? key : undefined;
  };
  // Computing the hash takes as long as the rest of this function.
  const hashes = createCache<string>(HASHES);
  return (value, now) => {
    let valueHash = hashes.get(value);
    if (valueHash === undefined) {
      valueHash = hashOf(value);
      if (value.length <= MAX_KEY) hashes.set(value, valueHash);
    }
    return find(valueHash, now, false) ?? find(valueHash, now, true);
  };
}
