import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ignoreAwsSettings } from "./aws-settings.ts";

const exported = {
  PATH: process.env["PATH"],
  AWS_PROFILE: "work",
  AWS_REGION: "eu-west-1",
  AWS_ACCESS_KEY_ID: "AKIA",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_SESSION_TOKEN: "token",
  AWS_ENDPOINT_URL: "http://127.0.0.1:9",
  AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:9",
  AWS_CA_BUNDLE: "/none",
  AWS_CONFIG_FILE: "/none",
};

test("removes all settings of the AWS SDKs, unless Amazon's DynamoDB is wanted", () => {
  const environment: NodeJS.ProcessEnv = { ...exported };
  ignoreAwsSettings(environment);
  expect(environment).toEqual({
    PATH: exported.PATH,
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
  });
  const aws: NodeJS.ProcessEnv = { ...exported, DYNAMODB_ENDPOINT: "aws" };
  ignoreAwsSettings(aws);
  expect(aws).toEqual({ ...exported, DYNAMODB_ENDPOINT: "aws" });
});

test("the set-up of the tests works whatever the shell exports", async () => {
  const script = `
    const { default: setup } = await import(${JSON.stringify(import.meta.resolve("./test/engine.ts"))});
    const end = await setup();
    console.log(process.env.AWS_PROFILE, process.env.AWS_ENDPOINT_URL, process.env.AWS_REGION);
    await end();`;
  const args = ["--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: exported });
  expect(stdout).toBe("undefined undefined us-east-1\n");
});
