/** `npm run asyncapi`: writes the document that the app serves. A test fails while it is stale. */

import { asyncapi } from "./asyncapi-document.ts";
import { writeDocument } from "./write-document.ts";

writeDocument("asyncapi", asyncapi);
