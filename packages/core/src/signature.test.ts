import { expect, test } from "vitest";
import { authorization } from "./signature.ts";

/** The signature of a request by the same key at this date. */
const signed = (date: string, region: string, secretAccessKey = "a secret") =>
  authorization(
    { method: "POST", path: "/", headers: { host: "a", "x-amz-date": date }, body: "{}" },
    { accessKeyId: "AKIDEXAMPLE", secretAccessKey, region, service: "dynamodb" },
  );

test.each([
  ["20261129T235959Z", "eu-west-1"],
  ["20261130T000000Z", "eu-west-2"],
])("a request of %s in %s is signed with the key of its day and its region", (date, region) => {
  signed("20261130T000000Z", "eu-west-1"); // its key is kept
  const after = signed(date, region);
  signed(date, region, "another secret");
  expect(signed(date, region)).toBe(after);
});
