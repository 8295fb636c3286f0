import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The path of the browser: that of CHROMIUM, or the first on the PATH. Undefined if there is none. */
export function chromiumPath(env = process.env): string | undefined {
  const folders = (env["PATH"] ?? "").split(delimiter);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [env["CHROMIUM"] ?? [], found].flat().find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
