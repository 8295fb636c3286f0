/**
 * A long list that is read page by page as it is scrolled. It holds the rows of the pages near those
 * on screen only, and of the others their number and page token: memory stays flat over any list.
 */

export interface PageOfRows<T> {
  rows: readonly T[];
  /** The page token of the next page; null at the end. */
  next: string | null;
}

interface Options<T> {
  /** Reads the page of a token; undefined is the first page. */
  read: (token: string | undefined) => Promise<PageOfRows<T>>;
  /** The order of the ids in the list. */
  order: "asc" | "desc";
  /** Pages that are held on each side of those on screen. */
  kept: number;
  /** The next page is read when fewer known rows than this are below the screen. */
  ahead: number;
  /** Called after each change of what the list holds. */
  onChange: () => void;
  /** Called for each row that is no longer held. */
  onDropped: (row: T) => void;
}

interface HeldPage<T> {
  token: string | undefined;
  /** Rows of the page, also while they are not held. */
  count: number;
  /** The last id when the page was first read: what follows it is on the next page. */
  last: string;
  rows: T[] | undefined;
  isReading: boolean;
}

export class PagedList<T extends { id: string }> {
  readonly #options: Options<T>;
  readonly #pages: HeldPage<T>[] = [];
  #next: string | null | undefined;
  #isReadingNext = false;
  #from = 0;
  #to = 0;
  #isClosed = false;
  #failure: unknown;

  constructor(options: Options<T>) {
    this.#options = options;
    this.#fill();
  }

  /** Rows that are known so far, held or not. */
  get length(): number {
    return this.#pages.reduce((sum, { count }) => sum + count, 0);
  }

  /** True once the first page is read. */
  get isReady(): boolean {
    return this.#next !== undefined;
  }

  /** True if the end of the list is known. */
  get isComplete(): boolean {
    return this.#next === null;
  }

  /** Why the latest read failed; undefined after one that succeeded. */
  get failure(): unknown {
    return this.#failure;
  }

  /** The row at an index; undefined while its page is not held. */
  at(index: number): T | undefined {
    let start = 0;
    for (const { count, rows } of this.#pages) {
      if (index < start + count) return rows?.[index - start];
      start += count;
    }
    return undefined;
  }

  /** The rows that are held, in the order of the list. */
  held(): T[] {
    return this.#pages.flatMap(({ rows }) => rows ?? []);
  }

  /** Reads the pages of the rows from index `from` to `to`, and forgets those far from them. */
  show(from: number, to: number): void {
    this.#from = from;
    this.#to = to;
    this.#fill();
  }

  /** Tries again what has failed. */
  retry(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#fill();
  }

  /** Removes a record that was deleted. */
  remove(id: string): void {
    for (const page of this.#pages) {
      const index = page.rows?.findIndex((row) => row.id === id) ?? -1;
      const [row] = index < 0 ? [] : (page.rows?.splice(index, 1) ?? []);
      if (!row) continue;
      page.count--;
      this.#options.onDropped(row);
      this.#options.onChange();
      return;
    }
  }

  /** Final: reads that are in flight change nothing. */
  close(): void {
    this.#isClosed = true;
  }

  #fill(): void {
    if (this.#isClosed || this.#failure !== undefined) return;
    const [first, last] = [this.#pageAt(this.#from), this.#pageAt(this.#to)];
    const { kept, ahead, onDropped } = this.#options;
    for (const [index, page] of this.#pages.entries()) {
      const distance = Math.max(first - index, index - last, 0);
      if (distance <= 1 && !page.rows && !page.isReading) void this.#readAgain(page);
      if (distance <= kept || !page.rows) continue;
      for (const row of page.rows) onDropped(row);
      page.rows = undefined;
    }
    const isNextNear = this.#to + ahead > this.length;
    if (isNextNear && this.#next !== null && !this.#isReadingNext) void this.#readNext();
  }

  #pageAt(index: number): number {
    let start = 0;
    for (const [number, { count }] of this.#pages.entries()) {
      start += count;
      if (index < start) return number;
    }
    return Math.max(0, this.#pages.length - 1);
  }

  async #readNext(): Promise<void> {
    const token = this.#next ?? undefined;
    this.#isReadingNext = true;
    const page = await this.#read(token);
    this.#isReadingNext = false;
    if (!page) return;
    const rows = [...page.rows];
    const last = rows.at(-1)?.id ?? this.#pages.at(-1)?.last ?? "";
    this.#pages.push({ token, count: rows.length, last, rows, isReading: false });
    this.#next = page.next;
    this.#changed();
  }

  async #readAgain(page: HeldPage<T>): Promise<void> {
    page.isReading = true;
    const read = await this.#read(page.token);
    page.isReading = false;
    if (!read) return;
    // Where records were deleted, the server fills the page with rows of the next one.
    const rows = read.rows.filter(({ id }) =>
      this.#options.order === "desc" ? id >= page.last : id <= page.last,
    );
    page.rows = rows;
    page.count = rows.length;
    this.#changed();
  }

  async #read(token: string | undefined): Promise<PageOfRows<T> | undefined> {
    try {
      const page = await this.#options.read(token);
      return this.#isClosed ? undefined : page;
    } catch (error) {
      if (this.#isClosed) return undefined;
      this.#failure = error;
      this.#options.onChange();
      return undefined;
    }
  }

  #changed(): void {
    this.#options.onChange();
    this.#fill();
  }
}
