/**
 * `npm run openapi`: writes the document that the app serves, and its requests as a file. A test fails
 * while one of them is stale.
 */

import { openapi } from "./openapi-document.ts";
import { requestsFile } from "./requests-file.ts";
import { writeDocuments } from "./write-document.ts";

writeDocuments(
  "openapi",
  { "api/docs/openapi": openapi },
  "which the app serves at /openapi.json, and its requests for REST clients.",
  { "docs/requests.http": () => requestsFile(openapi()) },
);
