/**
 * Runs a page of documentation as its reader does: all its commands in one shell, from top to bottom,
 * and compares what they print with the page.
 *
 * A page has three kinds of code blocks, and any other kind is refused, so that no command is left out:
 * `bash` runs, the `text` after it is its whole output, and `bash aws` needs an account or the AWS CLI
 * and does not run.
 */

import { spawn } from "node:child_process";

export interface Block {
  line: number; // of the opening fence, from 1
  code: string;
  /** False for `bash aws`. */
  runs: boolean;
  /** The lines that it must print; undefined if the page shows none. */
  prints: string | undefined;
}

/** A code block as it is written. */
export interface Fence {
  line: number; // of the opening fence, from 1
  end: number; // the line of the closing fence
  kind: string; // what follows the opening fence, such as `bash aws`
  code: string;
}

/** All code blocks of a page, in order. Throws at a block without an end. */
export function fencesOf(page: string): Fence[] {
  const lines = page.split("\n");
  const fences: Fence[] = [];
  for (let at = 0; at < lines.length; at++) {
    const kind = lines[at]?.startsWith("```") ? lines[at]?.slice(3) : undefined;
    if (kind === undefined) continue;
    const end = lines.indexOf("```", at + 1);
    if (end < 0) throw new Error(`The block at line ${at + 1} has no end`);
    const code = lines.slice(at + 1, end).join("\n");
    fences.push({ line: at + 1, end: end + 1, kind, code });
    at = end;
  }
  return fences;
}

/**
 * The blocks with commands, in order. Throws at a block that would neither run nor be compared, unless
 * it is of one of the `others`, which the caller runs.
 */
export function blocksOf(page: string, others: readonly string[] = []): Block[] {
  const lines = page.split("\n");
  const blocks: Block[] = [];
  let previous: { block: Block; end: number } | undefined; // the last block, until a text is seen
  for (const { line, end, kind, code } of fencesOf(page)) {
    if (others.includes(kind)) {
      previous = undefined;
    } else if (kind === "bash" || kind === "bash aws") {
      const block = { line, code, runs: kind === "bash", prints: undefined };
      blocks.push(block);
      previous = { block, end };
    } else {
      const gap = previous && lines.slice(previous.end, line - 1).join("");
      if (kind !== "text" || !previous?.block.runs || gap !== "") {
        throw new Error(`The block \`${kind}\` at line ${line} is not run or compared`);
      }
      previous.block.prints = code;
      previous = undefined;
    }
  }
  return blocks;
}

/**
 * True if `output` is what the page shows. `…` matches any text within a line, or for any lines where
 * it is alone. Space at the ends of lines does not count.
 */
export function matches(output: string, shown: string): boolean {
  const trimmed = (text: string) => text.split("\n").map((line) => line.trim());
  const pattern = trimmed(shown).map((line) =>
    line === "…"
      ? String.raw`(?:[^\n]*\n)*?`
      : `${line
          .split("…")
          .map((part) => RegExp.escape(part))
          .join(".*")}\n`,
  );
  const lines = trimmed(output.trimEnd());
  return new RegExp(`^${pattern.join("")}$`).test(`${lines.join("\n")}\n`);
}

interface Shell {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Replaces texts of the page, such as the port. */
  adapt: (code: string) => string;
}

/**
 * Runs the blocks in one bash that ends at the first command that fails. Returns the output of each
 * block, undefined for those after the failure, and what was written to standard error.
 */
export async function runBlocks(blocks: readonly Block[], { cwd, env, adapt }: Shell) {
  const mark = "\u0000";
  const script = blocks.map(({ code }) => `${adapt(code)}\nprintf '\\0'\n`).join("");
  const bash = spawn("bash", ["-euo", "pipefail", "-c", script], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  bash.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  bash.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  await new Promise((resolve) => bash.once("close", resolve));
  const complete = stdout.split(mark).slice(0, -1);
  return { outputs: blocks.map((_, at) => complete[at]), stderr };
}
