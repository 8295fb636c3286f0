import { notify, wordsOf } from "./notice.ts";
import { go } from "./route.ts";
import { begin, canMint, everything, mint } from "./session.ts";
import { finishSignIn, resumeAddress } from "./sign-in.ts";
import { target } from "./here.ts";

/** Gets the page its first token: from the laptop, or from a sign-in that has just come back. */
export async function start(): Promise<void> {
  if (resumeAddress()) return;
  try {
    const signedIn = target.signIn && (await finishSignIn(target.signIn));
    if (signedIn) begin(signedIn);
    else if (canMint) await mint(everything);
    else go("session");
  } catch (error) {
    notify("refused", `No session: ${wordsOf(error)}`);
    go("session");
  }
}
