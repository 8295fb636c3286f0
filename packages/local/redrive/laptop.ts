/** The dead letters of a server on this machine: two files in its data folder, one letter a line. */

import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { randomUUID } from "node:crypto";
import { appendFile, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isRecord } from "@stockwire/gateway/json";
import { ignoreAwsSettings } from "../aws-settings.ts";
import { cursorSecret } from "../cursor-secret.ts";
import { localClientConfig } from "../engine/client-config.ts";
import { setEnvironment } from "../environment.ts";
import { codeOf } from "../error.ts";
import { deliveryQueueUrl } from "../live.ts";
import { SQS_PATH } from "../queue/sqs.ts";
import type { Server } from "../server-registry.ts";
import { deadLettersFile } from "../stream/dead-letter.ts";
import {
  type DeadLetters,
  describeStreamLetter,
  type Letter,
  sendRecords,
  streamLetter,
} from "./letter.ts";

/** Letters of a server's stream or delivery queue. Sending needs the server to run. */
export function laptopDeadLetters(queue: "stream" | "delivery", server: Server): DeadLetters {
  if (server.endpoint !== undefined) ignoreAwsSettings();
  const file = deadLettersFile(server.dataDir, queue);
  const left = new Map<string, string>(); // lines, by the letter's id
  let taken: string[] = [];

  /**
   * The files that a command has taken and not given back, for example because it was killed. The file
   * that was written to first comes first.
   */
  const takenFiles = async () => {
    const names = await readdir(dirname(file)).catch(ifMissing([]));
    const files = await Promise.all(
      names
        .filter((name) => name.startsWith(`${basename(file)}.taken-`))
        .map(async (name) => {
          const path = join(dirname(file), name);
          const { mtimeMs = 0 } = (await stat(path).catch(ifMissing(undefined))) ?? {};
          return { path, writtenAt: mtimeMs };
        }),
    );
    return files.toSorted((a, b) => a.writtenAt - b.writtenAt).map(({ path }) => path);
  };

  const linesOf = async (files: string[]) => {
    const texts = await Promise.all(
      files.map((each) => readFile(each, "utf8").catch(ifMissing(""))),
    );
    return texts.flatMap((text) => text.split("\n").filter((line) => line !== ""));
  };

  return {
    ...(queue === "stream" ? streamContent(server) : deliveryContent(server)),
    count: async () => (await linesOf([...(await takenFiles()), file])).length,
    async *letters({ take }) {
      // The server continues to write letters, so its file is renamed before it is read. Its letters
      // are the newest ones; the times of files cannot show this, since two can be equal.
      if (take) {
        const earlier = await takenFiles();
        const own = `${file}.taken-${randomUUID()}`;
        taken = [...earlier, ...(await rename(file, own).then(() => [own], ifMissing([])))];
      }
      const lines = await linesOf(take ? taken : [...(await takenFiles()), file]);
      const letters = lines.map((line, index) => ({ id: String(index), ...letterOf(line) }));
      if (take) for (const { id } of letters) left.set(id, lines[Number(id)] ?? "");
      yield* letters;
    },
    async remove({ id }) {
      left.delete(id);
      await Promise.resolve();
    },
    async release() {
      if (left.size > 0) await appendFile(file, `${[...left.values()].join("\n")}\n`);
      for (const each of taken) await rm(each);
      taken = [];
      left.clear();
    },
  };
}

const ifMissing =
  <T>(value: T) =>
  (error: unknown): T => {
    if (codeOf(error) === "ENOENT") return value;
    throw error;
  };

/** A letter of the delivery contains the message, with its body. */
function letterOf(line: string): Omit<Letter, "id"> {
  try {
    const letter: unknown = JSON.parse(line);
    const sentAt = isRecord(letter) ? letter["timestamp"] : undefined;
    const message = isRecord(letter) ? letter["message"] : undefined;
    const body = isRecord(message) && typeof message["body"] === "string" ? message["body"] : line;
    return { body, sentAt: typeof sentAt === "string" ? sentAt : undefined };
  } catch {
    return { body: line };
  }
}

type Content = Pick<DeadLetters, "describe" | "send">;

/** Runs the function in this process, on the server's engine and with the server's Live API. */
function streamContent({ endpoint, issuer: url, table }: Server): Content {
  let handler: ((event: never) => Promise<unknown>) | undefined;
  const load = async () => {
    const clientConfig = endpoint === undefined ? {} : localClientConfig(endpoint);
    const client = new DynamoDBClient(clientConfig);
    const secret = process.env["CURSOR_SECRET"] ?? (await cursorSecret(client, table));
    client.destroy();
    process.env["STOCKWIRE_TABLE_PREFIX"] = table.replace(/Data$/, "");
    process.env["LOG_LEVEL"] ??= "silent"; // its errors are reported as the command's
    setEnvironment({ clientConfig }, url, secret);
    return (await import("@stockwire/functions/handlers/changes")).handler as typeof handler;
  };
  return {
    describe: ({ body }) => Promise.resolve().then(() => describeStreamLetter(streamLetter(body))),
    async send({ body }) {
      const letter = streamLetter(body);
      handler ??= await load();
      await sendRecords(letter, async (event) => handler?.(event as never));
    },
  };
}

function deliveryContent({ issuer: url }: Server): Content {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" }; // nothing checks them
  const sqs = new SQSClient({ region: "us-east-1", endpoint: `${url}${SQS_PATH}`, credentials });
  return {
    describe: ({ body }) => Promise.resolve(`frames, ${Buffer.byteLength(body)} bytes`),
    async send({ body: MessageBody }) {
      await sqs.send(new SendMessageCommand({ QueueUrl: deliveryQueueUrl(url), MessageBody }));
    },
  };
}
