/**
 * The shell's settings of the AWS SDKs. Most developers of AWS projects export some (`AWS_PROFILE`,
 * keys, endpoints); on a local engine none of them may change what the laptop or a test does.
 */

import { devNull } from "node:os";

/**
 * Removes every setting of the AWS SDKs from the environment, and keeps the SDKs from reading
 * `~/.aws` and the metadata of EC2. Does nothing with DYNAMODB_ENDPOINT=aws, where these settings
 * choose the account. Call it before a client is created, because clients keep what they have read.
 * https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
 */
export function ignoreAwsSettings(environment: NodeJS.ProcessEnv = process.env): void {
  if (environment["DYNAMODB_ENDPOINT"] === "aws") return;
  for (const name of Object.keys(environment)) {
    if (name.startsWith("AWS_")) delete environment[name];
  }
  environment["AWS_CONFIG_FILE"] = devNull;
  environment["AWS_SHARED_CREDENTIALS_FILE"] = devNull;
  environment["AWS_EC2_METADATA_DISABLED"] = "true";
}
