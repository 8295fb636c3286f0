/** `POST /…/batch`: creates up to 100 records, each on its own, or up to 25 all or none. */

import { AppError } from "@stockwire/core/error";
import { lazy, resolved } from "@stockwire/core/lazy";
import { entryWriters, StoredRefusal, storeRefusal } from "@stockwire/core/store/idempotency";
import type { Writer, Outcome } from "@stockwire/core/store/write";
import type { Context } from "hono";
import * as z from "zod";
import { linkTo } from "./answer.ts";
import { writerOf } from "./caller.ts";
import type { Env } from "./env.ts";
import { bodyFaults, invalidInput, validate } from "./input.ts";
import { type Problem, problemOf } from "./problem.ts";

const MAX_ENTRIES = 100;
const MAX_ATOMIC = 25; // a transaction holds 100 items, a record up to four
export const MAX_BATCH = 1024 * 1024; // bytes

const reference = (id: string) => ({ $ref: `#/components/schemas/${id}` });

/**
 * The body of a batch. Entries are validated one by one, so that each has its own result; JSON
 * Schemas refer to what each has to be.
 */
export const batchOf = (entry: z.ZodType, id: string) =>
  lazy(() => {
    const items = reference(z.globalRegistry.get(resolved(entry))?.id ?? "");
    const entries = z.array(z.unknown()).min(1).max(MAX_ENTRIES).meta({ items });
    return z
      .union([entries, z.strictObject({ items: entries, atomic: z.boolean().optional() })])
      .meta({ id });
  });

/** The answers of a batch of such records: 201 if every entry succeeded, else 207. */
export const batchAnswers = (record: z.ZodType, id: string) => {
  const answer = lazy(() =>
    z
      .object({
        results: z.array(
          z.object({
            index: z.int().min(0),
            status: z.int(),
            record: record.optional(),
            problem: z.unknown().meta(reference("Problem")).optional(),
          }),
        ),
        succeeded: z.int().min(0),
        failed: z.int().min(0),
      })
      .meta({ id }),
  );
  return { 201: answer, 207: answer };
};

interface Verbs<S extends z.ZodType, T> {
  schema: S;
  create: (input: z.output<S>, by: Writer) => Promise<Outcome<T>>;
  createAll: (inputs: z.output<S>[], by: Writer) => Promise<Outcome<T>[]>;
}

type Result<T> = { index: number; status: number; record?: T; problem?: Problem };

type Batch = unknown[] | { items: unknown[]; atomic?: boolean | undefined };

/** Entries of one batch that are created in parallel. */
const PARALLEL = 8;

/** Creates each entry on its own, or, if `atomic`, all entries or none. */
export async function batch<S extends z.ZodType, T>(
  c: Context<Env>,
  given: Batch,
  verbs: Verbs<S, T>,
) {
  const { items, atomic = false } = Array.isArray(given) ? { items: given } : given;
  const prefix = Array.isArray(given) ? [] : ["items"];
  if (atomic) return allOrNone(c, items, prefix, verbs);

  // Validated first: a batch without a valid entry has no effect, so it does not use its key.
  const parsed = items.map((entry) => validate(verbs.schema, entry));
  const writer = writerOf(c);
  const writers = parsed.some(({ success }) => success)
    ? await entryWriters(writer, items.length)
    : items.map(() => writer);
  const results = await inParallel(parsed, (entry, index) =>
    createOne(entry, index, writers[index] ?? writer, verbs),
  );
  const failed = results.filter(({ result }) => result.problem !== undefined);
  const effects = results.filter(({ outcome }) => outcome?.changed && !outcome.replayed);
  if (effects.length > 0) {
    for (const { result } of failed) {
      if (result.problem) await storeRefusal(writers[result.index] ?? writer, result.problem);
    }
  }
  const replayed = results.some(({ outcome }) => outcome?.replayed) && effects.length === 0;
  if (replayed) c.header("Idempotency-Replayed", "true");
  return summary(
    c,
    results.map(({ result }) => withLink(c, result)),
  );
}

async function createOne<S extends z.ZodType, T>(
  parsed: z.ZodSafeParseResult<z.output<S>>,
  index: number,
  writer: Writer,
  { create }: Verbs<S, T>,
): Promise<{ result: Result<T>; outcome?: Outcome<T> }> {
  try {
    if (!parsed.success) throw invalidInput("json", parsed.error.issues);
    const outcome = await create(parsed.data, writer);
    return { result: { index, status: 201, record: outcome.value }, outcome };
  } catch (error) {
    if (!(error instanceof AppError || error instanceof StoredRefusal)) throw error;
    const problem = error instanceof StoredRefusal ? (error.problem as Problem) : problemOf(error);
    return { result: { index, status: problem.status, problem } };
  }
}

async function allOrNone<S extends z.ZodType, T>(
  c: Context<Env>,
  items: unknown[],
  prefix: string[],
  { schema, createAll }: Verbs<S, T>,
) {
  if (items.length > MAX_ATOMIC) {
    const detail = `At most ${MAX_ATOMIC} entries`;
    const errors = [{ pointer: "/items", code: "too_big", detail }];
    throw new AppError("invalid_request", detail, { errors });
  }
  const parsed = items.map((entry) => validate(schema, entry));
  const errors = parsed.flatMap(({ error }, index) =>
    (error?.issues ?? []).flatMap((issue) =>
      bodyFaults({ ...issue, path: [...prefix, index, ...issue.path] }),
    ),
  );
  if (errors.length > 0) {
    throw new AppError("invalid_request", errors[0]?.detail ?? "Invalid request", { errors });
  }
  const inputs = parsed.flatMap(({ data }) => (data === undefined ? [] : [data]));
  const outcomes = await createAll(inputs, writerOf(c)).catch((error: unknown) => {
    throw error instanceof AppError ? atItsEntry(error) : error;
  });
  if (outcomes.every(({ replayed }) => replayed)) c.header("Idempotency-Replayed", "true");
  return summary(
    c,
    outcomes.map(({ value }, index): Result<T> => ({ index, status: 201, record: value })),
  );
}

/** Stored problems have no base: a repeated batch may come another way. */
const withLink = <T>(c: Context<Env>, result: Result<T>): Result<T> =>
  result.problem === undefined
    ? result
    : { ...result, problem: { ...result.problem, type: linkTo(c, result.problem.type) } };

/** Makes the pointers of a refused entry start at the batch. */
function atItsEntry(error: AppError): AppError {
  const { index } = error.members;
  if (typeof index !== "number") return error;
  const errors = error.errors.map((fault) => ({
    ...fault,
    ...(fault.pointer !== undefined && { pointer: `/items/${index}${fault.pointer}` }),
  }));
  return new AppError(error.code, error.message, { errors, members: error.members });
}

function summary<T>(c: Context<Env>, results: Result<T>[]) {
  const succeeded = results.filter(({ problem }) => problem === undefined).length;
  const failed = results.length - succeeded;
  return c.json({ results, succeeded, failed }, failed === 0 ? 201 : 207);
}

/** Waits for all inputs, also if one of them fails: no write may continue after the answer. */
async function inParallel<I, O>(
  inputs: I[],
  work: (input: I, index: number) => Promise<O>,
): Promise<O[]> {
  const outputs: O[] = [];
  const queue = inputs.entries();
  const worker = async () => {
    for (const [index, input] of queue) outputs[index] = await work(input, index);
  };
  const ends = await Promise.allSettled(Array.from({ length: PARALLEL }, worker));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return outputs;
}
