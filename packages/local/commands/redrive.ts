/**
 * `npm run redrive`: shows dead letters, sends their content where it failed, or discards them. A
 * letter is deleted only after its content has been accepted, so a command that is interrupted loses
 * nothing.
 */

import { parseArgs } from "node:util";
import { onClosedPipe } from "../closed-pipe.ts";
import { LocalError, messageOf } from "../error.ts";
import type { DeadLetters, Letter } from "../redrive/letter.ts";
import { findRunning } from "../server-registry.ts";

const USAGE = `Usage: npm run redrive -- [--stage NAME | --port N] [options]

Shows the dead letters of a stage on AWS, or of the server on this machine. Exit code 0:
done; 1: some letters failed again and are kept; 2: the letters could not be read.

  --stage NAME     a stage on AWS, with the credentials of the AWS SDK
  --region NAME    the region of the stage (default: us-east-1)
  --port N         the server on this port (default: PORT or 3000)
  --queue NAME     stream (changes for the log) or delivery (frames); default: both
  --send           send what the letters of one queue hold where it failed, and delete
                   those that succeed: to the function \`changes\`, or to the delivery queue
  --discard        delete the letters of one queue
  --dry-run        with --send or --discard: print what would be done, and do nothing
  --limit N        stop after N letters
  --help           show this text`;

const QUEUES = ["stream", "delivery"] as const;
type QueueName = (typeof QUEUES)[number];

const OPTIONS = {
  stage: { type: "string" },
  region: { type: "string", default: "us-east-1" },
  port: { type: "string" },
  queue: { type: "string" },
  send: { type: "boolean", default: false },
  discard: { type: "boolean", default: false },
  "dry-run": { type: "boolean", default: false },
  limit: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

type Action = "show" | "send" | "discard";

interface Options {
  open: (queue: QueueName) => Promise<DeadLetters>;
  queues: readonly QueueName[];
  action: Action;
  isDryRun: boolean;
  limit: number;
}

/** Checks the command line. Throws LocalError; undefined for `--help`. */
async function readOptions(): Promise<Options | undefined> {
  const values = parse();
  if (values.help) return undefined;
  const { stage, port, queue, send, discard, region } = values;
  if (send && discard) throw new LocalError("--send or --discard, not both");
  const queues = QUEUES.filter((each) => queue === undefined || each === queue);
  if (queues.length === 0) throw new LocalError("--queue must be stream or delivery");
  if ((send || discard) && queue === undefined) {
    throw new LocalError("--send and --discard need --queue stream or --queue delivery");
  }
  if (values["dry-run"] && !send && !discard) {
    throw new LocalError("--dry-run needs --send or --discard; without them nothing is changed");
  }
  if (values.limit !== undefined && !/^[1-9]\d{0,8}$/.test(values.limit)) {
    throw new LocalError("--limit must be a whole number, 1 or more");
  }
  if (stage !== undefined && port !== undefined)
    throw new LocalError("--stage or --port, not both");
  const action = send ? "send" : discard ? "discard" : "show";
  return {
    open: stage === undefined ? await onThisMachine(port) : await onStage(stage, region),
    queues,
    action,
    isDryRun: values["dry-run"],
    limit: values.limit === undefined ? Infinity : Number(values.limit),
  };
}

function parse() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new LocalError(messageOf(error));
  }
}

// Imported when needed: each needs clients of the AWS SDK that the other does not.
async function onStage(stage: string, region: string): Promise<Options["open"]> {
  if (!/^[a-z][a-z0-9-]*$/.test(stage)) throw new LocalError("--stage must be the name of a stage");
  const { stageDeadLetters } = await import("../redrive/stage.ts");
  return async (queue) => {
    try {
      return await stageDeadLetters(queue, stage, region);
    } catch (error) {
      const [line] = messageOf(error).split("\n", 1);
      throw new LocalError(`the ${queue} queue of ${stage} in ${region} can't be read: ${line}`);
    }
  };
}

async function onThisMachine(given?: string): Promise<Options["open"]> {
  const server = findRunning(given);
  const { laptopDeadLetters } = await import("../redrive/laptop.ts");
  return (queue) => Promise.resolve(laptopDeadLetters(queue, server));
}

const DONE = { show: "shown", send: "sent", discard: "discarded" } as const;

/** Works through the letters of a queue and returns the number of those that failed. */
async function redrive(queue: QueueName, options: Options): Promise<number> {
  const { action, isDryRun, limit } = options;
  const letters = await options.open(queue);
  const total = await letters.count();
  const report = reporter(queue, total);
  let done = 0;
  let failed = 0;
  try {
    for await (const letter of letters.letters({ take: action !== "show" && !isDryRun })) {
      if (done + failed === limit) break;
      const outcome = await handle(letters, letter, options);
      if (outcome.isFailure) failed++;
      else done++;
      const sentAt = letter.sentAt ?? "unknown time";
      console.log(`${queue}  ${sentAt}  ${outcome.text}`);
      report(done + failed);
    }
  } finally {
    await letters.release();
  }
  const what = isDryRun ? `would be ${DONE[action]}` : DONE[action];
  console.log(`${queue}: ${done} ${what}${failed > 0 ? `, ${failed} failed` : ""}`);
  return failed;
}

interface Outcome {
  text: string;
  isFailure: boolean;
}

async function handle(
  letters: DeadLetters,
  letter: Letter,
  { action, isDryRun }: Options,
): Promise<Outcome> {
  let text = "unreadable";
  try {
    text = await letters.describe(letter);
  } catch (error) {
    // It can be discarded all the same.
    text = `unreadable: ${messageOf(error)}`;
    if (action === "send") return { text: `${text}: kept`, isFailure: true };
  }
  if (action === "show" || isDryRun) return { text, isFailure: false };
  try {
    if (action === "send") await letters.send(letter);
    await letters.remove(letter);
    return { text: `${text}: ${DONE[action]}`, isFailure: false };
  } catch (error) {
    return { text: `${text}: kept, ${messageOf(error).split("\n", 1)[0]}`, isFailure: true };
  }
}

/** Reports the progress on standard error: every second on a terminal, every 10 s in a log. */
function reporter(queue: QueueName, total: number) {
  let due = Date.now() + 1_000;
  return (count: number) => {
    if (Date.now() < due) return;
    due = Date.now() + (process.stderr.isTTY ? 1_000 : 10_000);
    console.error(`${queue}: ${count} of about ${total} letters so far`);
  };
}

async function main(): Promise<number> {
  const options = await readOptions();
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  let failed = 0;
  for (const queue of options.queues) failed += await redrive(queue, options);
  return failed === 0 ? 0 : 1;
}

onClosedPipe(() => undefined); // letters in progress are finished without a reader
try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof LocalError ? error.message : error);
  process.exitCode = 2;
}
