/** `npm run asyncapi`: writes the document that the app serves. A test fails while it is stale. */

import { writeFileSync } from "node:fs";
import { asyncapi } from "./asyncapi-document.ts";

writeFileSync(
  new URL("../src/api/docs/asyncapi.json", import.meta.url),
  `${JSON.stringify(asyncapi(), null, 2)}\n`,
);
