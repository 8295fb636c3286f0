import { errorText, notify } from "../notice.tsx";
import { endSession, session, target } from "../session.ts";
import { startSignIn } from "../sign-in.ts";
import type { Provider } from "../target.ts";
import { Button } from "../ui/button.tsx";

const leave = (provider: Provider, user?: string): void =>
  void startSignIn(provider, user).catch((error: unknown) =>
    notify("refused", `No sign-in: ${errorText(error)}`),
  );

/** Buttons that sign in at the target's issuer, and return to this page. Nothing if it has none. */
export function SignInButtons() {
  const { signIn } = target;
  if (!signIn) return undefined;
  const { demoUser } = signIn;
  return (
    <>
      {demoUser !== undefined && (
        <Button primary onClick={() => leave(signIn, demoUser)}>
          Sign in as {demoUser}
        </Button>
      )}
      <Button primary={demoUser === undefined} onClick={() => leave(signIn)}>
        {demoUser === undefined ? "Sign in" : "Choose a user"}
      </Button>
    </>
  );
}

/** Ends the session; if the user has signed in, its refresh token is revoked too. */
export function SignOutButton() {
  const current = session.value;
  if (!current) return undefined;
  const signOut = (): void => {
    endSession();
    current.end?.().catch((error: unknown) => notify("refused", `Sign-out: ${errorText(error)}`));
  };
  return <Button onClick={signOut}>{current.end ? "Sign out" : "End the session"}</Button>;
}
