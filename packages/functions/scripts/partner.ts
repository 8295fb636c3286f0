/** `npm run partner`: writes the documents of the Partner API. A test fails while they are stale. */

import { partnerMethods, partnerModels } from "./partner-document.ts";
import { writeDocuments } from "./write-document.ts";

writeDocuments(
  "partner",
  { "partner/models": partnerModels, "partner/methods": partnerMethods },
  "the models and scopes of the Partner API's methods.",
);
