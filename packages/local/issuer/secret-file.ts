import { randomUUID } from "node:crypto";
import { chmod, link, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { LocalError } from "../error.ts";

/**
 * Reads a secret, or makes it when it is not there yet. Whoever comes first decides: two processes
 * that start at once end up with the same secret, and a crash leaves all of it or nothing.
 */
export async function openSecret<Secret>(
  file: string,
  parse: (value: unknown) => Secret | undefined,
  make: () => object,
): Promise<Secret> {
  const known = await read(file, parse);
  if (known !== undefined) return known;
  try {
    await create(file, JSON.stringify(make()));
  } catch (cause) {
    throw new LocalError(`${file} cannot be written: ${messageOf(cause)}`, { cause });
  }
  const made = await read(file, parse);
  if (made === undefined) throw new LocalError(`${file} was there and is gone again`);
  return made;
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
    throw new LocalError(`${file} is damaged: delete it to get a new one (old tokens become void)`);
  }
  // A copy or a restored backup may have come with other rights.
  await chmod(file, 0o600).catch(() => undefined);
  return secret;
}

async function create(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    // Unlike a rename, a link does not replace what another process has put there meanwhile.
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

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
