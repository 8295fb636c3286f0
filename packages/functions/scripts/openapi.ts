/** `npm run openapi`: writes the document that the app serves. A test fails while it is stale. */

import { openapi } from "./openapi-document.ts";
import { writeDocument } from "./write-document.ts";

writeDocument("openapi", openapi);
