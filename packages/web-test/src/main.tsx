/** Draws the console and starts its first session. */

import { render } from "preact";
import { App } from "./app.tsx";
import { errorText, notify } from "./notice.tsx";
import { navigate } from "./route.ts";
import {
  canIssueTokens,
  FULL_ACCESS,
  isStarting,
  startIssuedSession,
  startSession,
} from "./session.ts";
import { finishSignIn, resumeAddress } from "./sign-in.ts";

const root = document.querySelector("#app");
if (!root) throw new Error("the page has no #app");
void start(); // first, so that the token is on its way while the page is drawn
// A task of its own, since the scripts took one already: the browser can paint and scroll between them.
setTimeout(() => {
  root.replaceChildren();
  render(<App />, root);
});

/** Takes the token of a completed sign-in, or one from the laptop; else shows the session page. */
async function start(): Promise<void> {
  if (resumeAddress()) return;
  try {
    const signIn = finishSignIn();
    if (signIn) startSession(await signIn);
    else if (canIssueTokens) await startIssuedSession(FULL_ACCESS);
    else navigate("session");
  } catch (error) {
    notify("refused", `No session: ${errorText(error)}`);
    navigate("session");
  } finally {
    isStarting.value = false;
  }
}

// Hot reload draws the new components; the session and its connection stay.
import.meta.hot?.accept("./app.tsx", (next) => {
  const Next = next?.["App"] as typeof App | undefined;
  if (Next) render(<Next />, root);
});
