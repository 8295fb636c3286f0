import { useSignal } from "@preact/signals";
import { errorText, notify } from "../notice.tsx";
import { endSession, session, startSession, target } from "../session.ts";
import { redirectUri, startSignIn } from "../sign-in.ts";
import { addressOf } from "../target.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";

/** On a laptop: opens the console for a deployed stage. On a stage: starts a session there. */
export function Stage() {
  return target.isLaptop ? <StageAddress /> : <SignIn />;
}

function StageAddress() {
  const stage = useSignal({ api: "", live: "", auth: "", client: "" });
  const field = (name: keyof typeof stage.value, label: string, hint: string, type?: "url") => (
    <Field
      label={label}
      hint={hint}
      {...(type && { type })}
      value={stage.value[name]}
      onInput={(value) => (stage.value = { ...stage.value, [name]: value })}
    />
  );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (stage.value.api !== "") location.assign(addressOf(stage.value));
      }}
    >
      {field("api", "HTTP API", "https://….execute-api.….amazonaws.com", "url")}
      {field("live", "Live API", "wss://….execute-api.….amazonaws.com/live", "url")}
      {field("auth", "Cognito domain", "To sign in; leave it empty to paste a token", "url")}
      {field("client", "Cognito client", `Callback URL: ${redirectUri()}`)}
      <Button type="submit">Open this stage</Button>
    </form>
  );
}

function SignIn() {
  const token = useSignal("");
  const paste = () => {
    try {
      startSession(token.value.trim().replace(/^Bearer\s+/i, ""));
      token.value = "";
    } catch (error) {
      notify("refused", `Not a token: ${errorText(error)}`);
    }
  };
  const { api, live, signIn } = target;
  return (
    <>
      <dl class="facts">
        <dt>HTTP API</dt>
        <dd>
          <code>{api}</code>
        </dd>
        <dt>Live API</dt>
        <dd>
          <code>{live}</code>
        </dd>
      </dl>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          paste();
        }}
      >
        <Field
          label="Access token"
          type="password"
          hint="Kept in this page's memory only"
          value={token.value}
          onInput={(value) => (token.value = value)}
        />
        <div class="row">
          <Button type="submit" primary>
            Use this token
          </Button>
          {signIn && <Button onClick={() => void startSignIn(signIn)}>Sign in with Cognito</Button>}
          {session.value && <Button onClick={endSession}>End the session</Button>}
        </div>
      </form>
      <p>
        <a href={location.pathname}>Back to the laptop</a>
      </p>
    </>
  );
}
