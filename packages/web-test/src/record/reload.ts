interface Options {
  read: () => Promise<void>;
  /** The time from a change to the reading, in ms. */
  after: () => number;
}

/**
 * Reads again after changes: once for a burst, and under a constant stream of changes again and again, each
 * time when the reading before has ended.
 */
export function openReload({ read, after }: Options) {
  let timer: ReturnType<typeof setTimeout> | undefined; // also while it reads
  let isStale = false;
  let isOpen = true;
  const note = () => {
    isStale = true;
    if (isOpen) timer ??= setTimeout(() => void run(), after());
  };
  const run = async () => {
    isStale = false;
    await read();
    timer = undefined;
    if (isStale) note();
  };
  return {
    /** Notes a change. */
    note,
    close() {
      isOpen = false;
      clearTimeout(timer);
    },
  };
}
