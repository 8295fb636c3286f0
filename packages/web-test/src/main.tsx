/** Draws the console and starts its first session. */

import { render } from "preact";
import { App } from "./app.tsx";
import { errorText, notify } from "./notice.tsx";
import { navigate } from "./route.ts";
import { canIssueTokens, FULL_ACCESS, startIssuedSession, startSession } from "./session.ts";
import { finishSignIn, resumeAddress } from "./sign-in.ts";

const root = document.querySelector("#app");
if (!root) throw new Error("the page has no #app");
root.replaceChildren();
render(<App />, root);
void start();

/** Takes the token of a completed sign-in, or one from the laptop; else shows the session page. */
async function start(): Promise<void> {
  if (resumeAddress()) return;
  try {
    const signedIn = await finishSignIn();
    if (signedIn) startSession(signedIn);
    else if (canIssueTokens) await startIssuedSession(FULL_ACCESS);
    else navigate("session");
  } catch (error) {
    notify("refused", `No session: ${errorText(error)}`);
    navigate("session");
  }
}

// Hot reload draws the new components; the session and its connection stay.
import.meta.hot?.accept("./app.tsx", (next) => {
  const Next = next?.["App"] as typeof App | undefined;
  if (Next) render(<Next />, root);
});
