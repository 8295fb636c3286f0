/** Draws the console and starts its first session. */

import { render } from "preact";
import { App } from "./app.tsx";
import { errorText, notify } from "./notice.tsx";
import { loadPage, pageOf } from "./page.tsx";
import { navigate, route } from "./route.ts";
import { canIssueTokens, FULL_ACCESS } from "./issuer.ts";
import { isStarting, startIssuedSession, startSession } from "./session.ts";
import { finishSignIn, resumeAddress } from "./sign-in.ts";

const root = document.querySelector("#app");
if (!root) throw new Error("the page has no #app");

const PATIENCE = 150; // ms in which the first session comes, mostly

/**
 * Starts the session of a completed sign-in, or one with a token of the laptop, which `issued` may
 * bring; without both shows the session page. The page is drawn once, with its session and its script,
 * unless these take long.
 */
export const start = async (issued: Promise<string> | undefined): Promise<void> => {
  const started = startFirstSession(issued);
  const loaded = loadPage(pageOf(route.value)).catch(() => undefined); // the page shows a failure
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  await Promise.race([Promise.all([started, loaded]), patience]);
  root.replaceChildren();
  render(<App />, root);
  await started;
};

async function startFirstSession(issued: Promise<string> | undefined): Promise<void> {
  if (resumeAddress()) return;
  try {
    const signIn = finishSignIn();
    if (signIn) startSession(await signIn);
    else if (canIssueTokens) await startIssuedSession(FULL_ACCESS, issued);
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
