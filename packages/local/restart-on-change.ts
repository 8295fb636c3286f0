/**
 * Runs a server as a child process and restarts it whenever a source file changes. The next process
 * starts only after the previous one has ended, so it finds the port and the data folder free. The
 * server ends with this process, however this process ends.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isRecord } from "@stockwire/gateway/json";

export interface Options {
  /** The program of the server, which node runs. When ready, it sends its port as `{ port }` by IPC. */
  program: string;
  args: readonly string[];
  /** Folders whose sources are watched, relative to `root`. */
  root: string;
  folders: readonly string[];
  log: (line: string) => void;
  /** Aborted when the server shall stop for good. */
  stopping: AbortSignal;
}

/** Editors and formatters write several files at a time; one restart is enough for all of them. */
const DEBOUNCE = 100; // ms
const KILL_AFTER = 5_000; // ms that a server has to end after SIGTERM

/**
 * Runs the server until `stopping` is aborted, and resolves with the exit code for this process. A
 * server that ends before it was ever ready is not restarted, because its command line is wrong. One
 * that ends later, for example because of an error in a changed file, is started again at the next
 * change.
 */
export async function restartOnChange(options: Options): Promise<number> {
  const { log, stopping } = options;
  const stopRequested = once(stopping, "abort");
  const changes = watchFolders(options);
  let port: number | undefined;
  try {
    for (;;) {
      // A server that chose a free port keeps it, so that its clients find it again.
      const server = start(options, port === undefined ? [] : ["--port", String(port)]);
      server.on("message", (message: unknown) => {
        if (isRecord(message) && typeof message["port"] === "number") port = message["port"];
      });
      const exited = once(server, "exit") as Promise<[number | null]>;

      const event = await Promise.race([
        exited.then(([code]) => ({ exitCode: code ?? 1 })),
        changes.next().then((file) => ({ file })),
        stopRequested.then(() => undefined),
      ]);
      if (event && "exitCode" in event) {
        if (port === undefined) return event.exitCode;
        log("The server has ended. It starts again after the next change.");
        const file = await Promise.race([changes.next(), stopRequested.then(() => undefined)]);
        if (file === undefined) return event.exitCode;
      } else {
        if (event) log(`${event.file} has changed: restarting`);
        const code = await stop(server, exited);
        if (!event) return code;
      }
      await sleep(DEBOUNCE);
      changes.clear();
      if (stopping.aborted) return 0;
    }
  } finally {
    changes.close();
  }
}

/**
 * The server has a process group of its own, so that Ctrl-C does not reach it twice. The IPC channel
 * closes when this process ends, even after `kill -9`, and the server ends then.
 */
function start({ program, args }: Options, more: readonly string[]): ChildProcess {
  return spawn(process.execPath, [program, ...args, ...more], {
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

async function stop(server: ChildProcess, exited: Promise<[number | null]>): Promise<number> {
  server.kill("SIGTERM");
  const timer = setTimeout(() => server.kill("SIGKILL"), KILL_AFTER);
  const [code] = await exited;
  clearTimeout(timer);
  return code ?? 0; // null: it had not yet installed its signal handlers, or was killed
}

interface Changes {
  /** Resolves with the path of a changed file: immediately if one has changed since `clear`. */
  next(): Promise<string>;
  clear(): void;
  close(): void;
}

/**
 * Watches each folder by itself, because node's recursive watch on Linux loses a file that is replaced
 * by renaming another one, as editors and git do.
 */
function watchFolders({ root, folders }: Options): Changes {
  let first = Promise.withResolvers<string>();
  const watchers = new Map<string, FSWatcher>();

  const watchFolder = (folder: string): void => {
    watchers.get(folder)?.close(); // of a folder that was deleted and created again
    const watcher = watch(join(root, folder), (_event, name) => {
      if (name === null || isIgnored(name)) return;
      const path = join(folder, name);
      const isFolder = statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory();
      // A file can be in a new folder before the folder is watched.
      if (isFolder) watchTree(path, (source) => first.resolve(source));
      else if (SOURCE.test(name)) first.resolve(path);
    });
    watcher.on("error", () => watcher.close()); // the folder was deleted
    watchers.set(folder, watcher);
  };

  const watchTree = (folder: string, found: (source: string) => void = () => undefined): void => {
    watchFolder(folder);
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (isIgnored(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) watchTree(path, found);
      else if (SOURCE.test(entry.name)) found(path);
    }
  };

  for (const folder of folders) watchTree(folder);
  return {
    next: () => first.promise,
    clear: () => void (first = Promise.withResolvers()),
    close: () => watchers.forEach((watcher) => watcher.close()),
  };
}

const SOURCE = /\.(?:ts|json|sh)$/;

/** Tests, declarations, installed packages, and the temporary files of editors. */
function isIgnored(name: string): boolean {
  return name === "test" || name === "node_modules" || /^\.|\.(?:test|d)\.ts$/.test(name);
}
