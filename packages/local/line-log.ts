/** Writes log lines to standard output, all lines of one turn of the event loop in a single write. */

/** Returns a function that writes a line. Lines that wait when the process exits are written then. */
export function createLineLog(write: (text: string) => void): (line: string) => void {
  let waiting = "";
  const flush = () => {
    const text = waiting;
    waiting = "";
    if (text !== "") write(text);
  };
  process.on("exit", flush);
  return (line) => {
    if (waiting === "") setImmediate(flush);
    waiting += `${line}\n`;
  };
}
