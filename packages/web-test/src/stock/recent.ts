/**
 * The newest versions that changes have brought. A page that is read meanwhile may be older: its rows
 * take the newer version from here. Bounded: a read takes seconds at most.
 */
const KEPT = 5_000; // records

interface Versioned {
  id: string;
  version: number;
}

export class RecentRecords<T extends Versioned> {
  readonly #records = new Map<string, T>();

  add(record: T): void {
    const { id, version } = record;
    if ((this.#records.get(id)?.version ?? 0) >= version) return;
    this.#records.delete(id); // a later change moves it to the end
    this.#records.set(id, record);
    if (this.#records.size <= KEPT) return;
    const [oldest] = this.#records.keys();
    if (oldest !== undefined) this.#records.delete(oldest);
  }

  /** The record itself, or a newer version of it. */
  newest(record: T | undefined): T | undefined {
    if (!record) return undefined;
    const known = this.#records.get(record.id);
    return known && known.version > record.version ? known : record;
  }
}
