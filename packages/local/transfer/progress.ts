/**
 * Progress of a command, on standard error, so that standard output holds results only. A terminal
 * shows one line that changes; a file or a pipe gets a line every few seconds.
 */

/** Where progress is written: `process.stderr`. */
export interface Terminal {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export interface Progress {
  /** Shows a state, if it is time to. */
  show(text: string): void;
  /** Shows the last state, whatever the time. */
  end(text: string): void;
}

const INTERVAL = { terminal: 100, file: 5_000 }; // ms

/** Creates the progress of one run. `now` is in ms. */
export function createProgress(terminal: Terminal, now: () => number = Date.now): Progress {
  const isTerminal = terminal.isTTY === true;
  const interval = isTerminal ? INTERVAL.terminal : INTERVAL.file;
  let shownAt = now();
  const write = (text: string, isLast: boolean) => {
    // A line that is too long would wrap, and its first row would stay.
    const line = isTerminal ? text.slice(0, (terminal.columns ?? 80) - 1) : text;
    terminal.write(isTerminal ? `\r\u001B[K${line}${isLast ? "\n" : ""}` : `${line}\n`);
  };
  return {
    show(text) {
      if (now() - shownAt < interval) return;
      shownAt = now();
      write(text, false);
    },
    end: (text) => write(text, true),
  };
}
