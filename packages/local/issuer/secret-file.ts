/**
 * Secrets in files that only their owner can read. Two processes that start at the same time end up
 * with the same secret, and a crash leaves a complete file or none.
 */

import { randomUUID } from "node:crypto";
import { chmod, link, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, LocalError, messageOf } from "../error.ts";
import { createFolder } from "../folder.ts";

/**
 * Reads the secret in `file`, and creates it with `make` if there is no such file. Throws LocalError if
 * the file cannot be read or written, or if `parse` returns undefined for its content.
 */
export async function openSecret<Secret>(
  file: string,
  parse: (value: unknown) => Secret | undefined,
  make: () => object,
): Promise<Secret> {
  const existing = await read(file, parse);
  if (existing !== undefined) return existing;
  try {
    await create(file, JSON.stringify(make()));
  } catch (cause) {
    throw new LocalError(`${file} cannot be written: ${messageOf(cause)}`, { cause });
  }
  // Read, not returned: another process may have created the file first.
  const created = await read(file, parse);
  if (created === undefined) throw new LocalError(`${file} was deleted while it was being read`);
  return created;
}

async function read<Secret>(
  file: string,
  parse: (value: unknown) => Secret | undefined,
): Promise<Secret | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw new LocalError(`${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  const secret = parse(parseJson(text));
  if (secret === undefined) {
    throw new LocalError(
      `${file} is damaged: delete it to get a new one (existing tokens become invalid)`,
    );
  }
  // The file may be a copy or a restored backup with other permissions.
  await chmod(file, 0o600).catch(() => undefined);
  return secret;
}

async function create(file: string, text: string): Promise<void> {
  await createFolder(dirname(file));
  const draft = `${file}.${randomUUID()}`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    // Unlike a rename, a link fails if another process has created the file meanwhile.
    await link(draft, file);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
