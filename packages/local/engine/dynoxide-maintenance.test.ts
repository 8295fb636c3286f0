import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { maintainStreamRecords } from "./dynoxide-maintenance.ts";

let folder: string;
let file: string;
let lines: string[];
const log = (line: string) => lines.push(line);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-data-"));
  file = join(folder, "dynoxide.db");
  lines = [];
});

afterEach(() => rm(folder, { recursive: true }));

function open<T>(use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

/** The table as dynoxide 1.2.1 creates it. */
const RECORDS = `CREATE TABLE _stream_records (
  id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT NOT NULL, event_name TEXT NOT NULL,
  keys_json TEXT NOT NULL, new_image TEXT, old_image TEXT, sequence_number TEXT NOT NULL,
  shard_id TEXT NOT NULL, created_at INTEGER NOT NULL, user_identity TEXT)`;

function fill(rows: { table: string; sequence: number; hoursAgo: number }[]): void {
  open((database) => {
    database.exec(RECORDS);
    const insert = database.prepare(
      `INSERT INTO _stream_records
         (table_name, event_name, keys_json, sequence_number, shard_id, created_at)
       VALUES (?, 'INSERT', '{}', ?, 'shard', ?)`,
    );
    database.exec("BEGIN");
    for (const { table, sequence, hoursAgo } of rows) {
      insert.run(table, `${sequence}`, Math.floor(Date.now() / 1000) - hoursAgo * 3600);
    }
    database.exec("COMMIT");
  });
}

const kept = () =>
  open((database) =>
    database
      .prepare("SELECT table_name, sequence_number FROM _stream_records ORDER BY id")
      .all()
      .map((row) => `${String(row["table_name"])} ${String(row["sequence_number"])}`),
  );

test("stream records older than a day are deleted, and younger ones are kept", async () => {
  fill([
    { table: "a", sequence: 8, hoursAgo: 25 },
    { table: "a", sequence: 9, hoursAgo: 25 },
    { table: "a", sequence: 10, hoursAgo: 23 },
    { table: "a", sequence: 11, hoursAgo: 0 },
  ]);
  await maintainStreamRecords(file, log);
  expect(kept()).toEqual(["a 10", "a 11"]);
  expect(lines).toEqual([]);
});

test("the newest record of each table is kept whatever its age, where numbers are not compared as text", async () => {
  fill([
    { table: "a", sequence: 9, hoursAgo: 50 },
    { table: "b", sequence: 3, hoursAgo: 49 },
    { table: "a", sequence: 10, hoursAgo: 48 },
  ]);
  await maintainStreamRecords(file, log);
  expect(kept()).toEqual(["b 3", "a 10"]);
});

test("many expired records are deleted in batches", async () => {
  fill(Array.from({ length: 12_000 }, (_, sequence) => ({ table: "a", sequence, hoursAgo: 30 })));
  await maintainStreamRecords(file, log);
  expect(kept()).toEqual(["a 11999"]);
});

test("the engine's query for the next sequence number uses the index", async () => {
  fill([]);
  await maintainStreamRecords(file, log);
  await maintainStreamRecords(file, log);
  const plan = open((database) =>
    database
      .prepare(
        `EXPLAIN QUERY PLAN SELECT MAX(CAST(sequence_number AS INTEGER))
         FROM _stream_records WHERE table_name = 'a'`,
      )
      .all(),
  );
  expect(JSON.stringify(plan)).toContain("app_stream_seq");
});

test("a table with an unknown layout is not changed, and a warning is logged", async () => {
  open((database) => database.exec("CREATE TABLE _stream_records (id INTEGER, other TEXT)"));
  await maintainStreamRecords(file, log);
  expect(lines).toEqual([expect.stringContaining("unknown layout")]);
  expect(open((database) => database.prepare("PRAGMA index_list(_stream_records)").all())).toEqual(
    [],
  );
});

test("nothing happens if there is no file or no table", async () => {
  await maintainStreamRecords(file, log);
  open((database) => database.exec("CREATE TABLE other (id INTEGER)"));
  await maintainStreamRecords(file, log);
  expect(lines).toEqual([]);
});
