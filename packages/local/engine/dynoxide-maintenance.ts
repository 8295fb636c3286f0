/**
 * Repairs two weaknesses of dynoxide 1.2.1 in its own database file: stream records have no index
 * and are never deleted. Works while the engine has the file open and writes to it.
 */

import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * DynamoDB keeps stream records for 24 hours.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
 */
const RETENTION = 24 * 60 * 60; // seconds
const BATCH = 5000; // records; deleting them takes 10 ms, which block the engine and this process
const PAUSE = 10; // ms between batches, in which both continue their work
const COLUMNS = ["id", "table_name", "sequence_number", "created_at"];

/**
 * Creates the index if it is missing, and deletes expired stream records. Without the index each
 * write searches all records: a put takes 46 ms with 100 000 of them, and 1.3 ms with 500 000 and
 * the index. Does nothing if there is no file. Logs one line and changes nothing if the table
 * has another layout. A failure of the maintenance is logged, not thrown.
 */
export async function maintainStreamRecords(
  file: string,
  log: (line: string) => void,
): Promise<void> {
  if (!existsSync(file)) return;
  const database = new DatabaseSync(file, { timeout: 5000 });
  try {
    const columns = database
      .prepare("SELECT name FROM pragma_table_info('_stream_records')")
      .all()
      .map((column) => column["name"]);
    if (columns.length === 0) return;
    if (!COLUMNS.every((column) => columns.includes(column))) {
      log(`${file}: unknown layout of the stream records, no index created`);
      return;
    }
    database.exec(
      `CREATE INDEX IF NOT EXISTS app_stream_seq
       ON _stream_records(table_name, CAST(sequence_number AS INTEGER))`,
    );
    await deleteExpired(database);
  } catch (cause) {
    log(`${file}: maintenance of the stream records failed: ${String(cause)}`);
  } finally {
    database.close();
  }
}

/** Keeps the newest record of each table: the engine derives the next sequence number from it. */
async function deleteExpired(database: DatabaseSync): Promise<void> {
  const firstToKeep = database
    .prepare("SELECT id FROM _stream_records WHERE created_at >= ? ORDER BY id LIMIT 1")
    .get(Math.floor(Date.now() / 1000) - RETENTION);
  const newest = database
    .prepare(
      `SELECT (SELECT id FROM _stream_records WHERE table_name = name
               ORDER BY CAST(sequence_number AS INTEGER) DESC LIMIT 1) AS id
       FROM (SELECT DISTINCT table_name AS name FROM _stream_records)`,
    )
    .all()
    .map((row) => row["id"]);
  const expired = database.prepare(
    `DELETE FROM _stream_records WHERE id IN (
       SELECT id FROM _stream_records WHERE id < ? AND id NOT IN (SELECT value FROM json_each(?))
       ORDER BY id LIMIT ?)`,
  );
  const before = firstToKeep?.["id"] ?? Number.MAX_SAFE_INTEGER;
  while (expired.run(before, JSON.stringify(newest), BATCH).changes === BATCH) await sleep(PAUSE);
}
