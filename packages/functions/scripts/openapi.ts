/** `npm run openapi`: writes the document that the app serves. A test fails while it is stale. */

import { writeFileSync } from "node:fs";
import { openapi } from "./openapi-document.ts";

writeFileSync(
  new URL("../src/api/docs/openapi.json", import.meta.url),
  `${JSON.stringify(openapi(), null, 2)}\n`,
);
