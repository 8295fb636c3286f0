/** Writes log lines to standard output, those of 10 ms in a single write. */

const PAUSE = 10; // ms; a write of its own for each line would take a tenth of a request's time

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
    if (waiting === "") setTimeout(flush, PAUSE).unref();
    waiting += `${line}\n`;
  };
}
