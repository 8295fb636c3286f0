import packageJson from "../package.json" with { type: "json" };
import type { About } from "./api/env.ts";
import { config } from "./runtime.ts";

/** What `/version` answers. */
export const about: About = {
  name: "stockwire",
  version: packageJson.version,
  commit: config.COMMIT,
  stage: config.STAGE,
  runtime: `node ${process.version}`,
};
