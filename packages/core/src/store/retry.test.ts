import { describe, expect, test } from "vitest";
import { call, ConditionFailed } from "./retry.ts";

const errorOf = (name: string, members: object = {}) =>
  Object.assign(new Error(name), { name, $fault: "client", ...members });

/** Makes a call that fails `times` times, and returns its result and the number of attempts. */
async function callFailing(name: string, times: number) {
  let attempts = 0;
  const result = await call(async () => {
    if (attempts++ < times) throw errorOf(name);
    return "done";
  });
  return { result, attempts };
}

describe("a call that DynamoDB refuses", () => {
  // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
  test.each([
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
  ])("with %s is repeated", async (name) => {
    expect(await callFailing(name, 4)).toEqual({ result: "done", attempts: 5 });
  });

  test.each(["ValidationException", "AccessDeniedException", "ResourceNotFoundException"])(
    "with %s is not repeated, since it would be refused again",
    async (name) => {
      await expect(callFailing(name, 1)).rejects.toMatchObject({ name });
    },
  );

  test("because of its condition is not repeated, and the caller learns why", async () => {
    await expect(callFailing("ConditionalCheckFailedException", 1)).rejects.toBeInstanceOf(
      ConditionFailed,
    );
  });

  test("until its deadline is unavailable", async () => {
    const refused = () => Promise.reject(errorOf("ThrottlingException"));
    await expect(call(refused, { deadline: Date.now() - 1 })).rejects.toMatchObject({
      code: "unavailable",
    });
  });
});

describe("a reply after which the clock is corrected", () => {
  const $metadata = { clockSkewCorrected: true };
  /** Makes a call that fails once, and returns what each attempt knew of the one before. */
  async function attemptsAfter(failed: Error): Promise<boolean[]> {
    const mayBeApplied: boolean[] = [];
    const attempt = (_options: object, known: boolean) => {
      mayBeApplied.push(known);
      return mayBeApplied.length === 1 ? Promise.reject(failed) : Promise.resolve();
    };
    await call(attempt).catch(() => undefined);
    return mayBeApplied;
  }

  test("that refused the signature was not applied, and is repeated", async () => {
    const stale = errorOf("InvalidSignatureException", { $metadata });
    expect(await attemptsAfter(stale)).toEqual([false, false]);
  });

  test.each(["ConditionalCheckFailedException", "ValidationException"])(
    "with %s is the answer, and is not repeated",
    async (name) => {
      expect(await attemptsAfter(errorOf(name, { $metadata }))).toEqual([false]);
    },
  );

  test("that is a fault of the server may have been applied", async () => {
    const fault = errorOf("InternalServerError", { $fault: "server", $metadata });
    expect(await attemptsAfter(fault)).toEqual([false, true]);
  });
});
