/**
 * Starts the console. It is a script of its own, so that the first token is on its way while those of
 * the pages are loaded and run.
 */

import { canIssueTokens, FULL_ACCESS, issueToken } from "./issuer.ts";

const query = new URLSearchParams(location.search);
const mayBeSignedIn = query.has("code") || query.has("error"); // the answer of a sign-in
const token = canIssueTokens && !mayBeSignedIn ? issueToken(FULL_ACCESS) : undefined;
token?.catch(() => undefined); // a failure is shown where the token is used
// Not awaited, since the scripts behind it import parts of this one.
import("./start.tsx")
  .then(({ start }) => start(token))
  .catch((error: unknown) => {
    document.querySelector("#app")?.append(`The console cannot start: ${String(error)}`);
  });
