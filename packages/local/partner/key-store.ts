/** What `npm run keys` does with API keys, on the laptop. `aws-keys.ts` does it on AWS. */

import { type Plan, plans } from "@stockwire/functions/partner/plan";
import { periodStart } from "@stockwire/gateway/rest/usage-plan";
import { readUsageFile } from "@stockwire/gateway/rest/usage";
import { LocalError } from "../error.ts";
import {
  changeKey,
  createKey,
  hasEnded,
  keyFileOf,
  readKeys,
  type StoredKey,
  usageFileOf,
} from "./key-file.ts";

/** An API key without its value. */
export type KeyInfo = Omit<StoredKey, "valueHash">;

/** The requests of a key in this month. */
export interface KeyUsage {
  key: KeyInfo;
  days: readonly { day: string; requests: number }[]; // days with requests, in UTC
  limit: number;
  left: number;
}

/** All methods throw `LocalError` for what the user can put right, such as an unknown id. */
export interface KeyStore {
  /** Creates a key. Its value cannot be had again. */
  create(name: string, plan: Plan): Promise<{ key: KeyInfo; value: string }>;
  list(): Promise<readonly KeyInfo[]>;
  enable(id: string, enabled: boolean): Promise<KeyInfo>;
  /** Creates a successor in the same plan. The old key ends after `graceMs`; see `note`. */
  rotate(id: string, graceMs: number): Promise<{ key: KeyInfo; value: string; note: string }>;
  /** Of one key, or of all. */
  usage(id?: string): Promise<readonly KeyUsage[]>;
}

/** The keys in a data folder. A running server uses a change from its next request on. */
export function laptopKeys(dataDir: string): KeyStore {
  const file = keyFileOf(dataDir);
  const list = async () => readKeys(file) ?? [];
  return {
    create: (name, plan) => createKey(file, { name, plan }),
    list,
    enable: (id, enabled) =>
      changeKey(file, id, (key) => {
        if (enabled && hasEnded(key)) {
          throw new LocalError(`The API key ${id} has expired: create a new one`);
        }
        return { ...key, enabled };
      }),
    async rotate(id, graceMs) {
      const old = oneOf(await list(), id);
      const created = await createKey(file, { name: old.name, plan: old.plan });
      const end = Date.now() + graceMs;
      const expiresAt = new Date(end).toISOString();
      // A second rotation does not let the old key live longer.
      await changeKey(file, id, (key) => (hasEnded(key, end) ? key : { ...key, expiresAt }));
      const note = graceMs > 0 ? `The old key works until ${expiresAt}` : "The old key has ended";
      return { ...created, note };
    },
    async usage(id) {
      const all = await list();
      const counts = readUsageFile(usageFileOf(dataDir));
      return (id === undefined ? all : [oneOf(all, id)]).map((key) => {
        const { limit, period } = plans[key.plan].quota;
        const from = periodStart(period, Date.now());
        const days = [...counts.days(key.plan, key.id)]
          .filter(([day]) => day >= from)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([day, requests]) => ({ day, requests }));
        const left = Math.max(0, limit - counts.since(key.plan, key.id, from));
        return { key, days, limit, left };
      });
    },
  };
}

/** Throws `LocalError` if no key has this id. */
export function oneOf<Key extends { id: string }>(keys: readonly Key[], id: string): Key {
  const key = keys.find((each) => each.id === id);
  if (!key) throw new LocalError(`There is no API key ${id}: npm run keys -- list`);
  return key;
}
