/**
 * Writes models.json: of AWS's API models, the shapes of the requests that operation.ts names. The
 * models are those of botocore, Apache License 2.0, for example from `pip download botocore` or
 * Debian's package python3-botocore.
 *
 *     npm exec -c 'node infra/test/model/extract.ts /usr/lib/python3/dist-packages/botocore'
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Models, Shape } from "./check.ts";
import { mappings } from "./operation.ts";

interface Service {
  operations: Record<string, { input?: { shape: string } }>;
  shapes: Record<string, Shape & Record<string, unknown>>;
}

function readService(folder: string, service: string): Service {
  const [version = ""] = readdirSync(join(folder, "data", service))
    .toSorted()
    .toReversed();
  const file = join(folder, "data", service, version, "service-2.json");
  const text = existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`));
  return JSON.parse(text.toString()) as Service;
}

/** What a shape restricts, and the shapes that it consists of. */
function reduced(shape: Shape): Shape {
  const { type, required, members, member, key, value, enum: values, min, max, pattern } = shape;
  const name = (each: { shape: string }) => ({ shape: each.shape });
  return {
    type,
    ...(required && required.length > 0 && { required }),
    ...(members && {
      members: Object.fromEntries(Object.entries(members).map(([id, each]) => [id, name(each)])),
    }),
    ...(member && { member: name(member) }),
    ...(key && { key: name(key) }),
    ...(value && { value: name(value) }),
    ...(values && { enum: values }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(pattern !== undefined && { pattern }),
  };
}

function extract(folder: string): Models {
  const models: Models = { source: "", services: {} };
  const init = readFileSync(join(folder, "__init__.py"), "utf8");
  const version = /__version__ = '([\d.]+)'/.exec(init)?.[1] ?? "unknown";
  models.source = `botocore ${version}, Copyright Amazon.com, Inc., Apache License 2.0`;
  const calls = Object.values(mappings).flatMap(({ others = [], ...main }) => [main, ...others]);
  for (const { service, operation } of calls.toSorted((a, b) => (a.service < b.service ? -1 : 1))) {
    const source = readService(folder, service);
    const input = source.operations[operation]?.input?.shape;
    if (input === undefined) throw new Error(`${service} has no operation ${operation}`);
    const target = (models.services[service] ??= { operations: {}, shapes: {} });
    target.operations[operation] = input;
    const pending = [input];
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      const shape = source.shapes[id];
      if (shape === undefined || target.shapes[id]) continue;
      target.shapes[id] = reduced(shape);
      const { members = {}, member, key, value } = shape;
      for (const each of [...Object.values(members), member, key, value]) {
        if (each) pending.push(each.shape);
      }
    }
  }
  return models;
}

const [folder = "/usr/lib/python3/dist-packages/botocore"] = process.argv.slice(2);
const text = JSON.stringify(extract(folder));
writeFileSync(join(import.meta.dirname, "models.json"), `${text}\n`);
