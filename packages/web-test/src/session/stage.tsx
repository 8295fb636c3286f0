import { useSignal } from "@preact/signals";
import { notify, wordsOf } from "../notice.ts";
import { begin, end, session } from "../session.ts";
import { redirectUri, startSignIn } from "../sign-in.ts";
import { target } from "../here.ts";
import { addressOf } from "../target.ts";
import { Action } from "../ui/action.tsx";
import { Field } from "../ui/field.tsx";

/** Points the console at a deployed stage, and lets somebody in there. */
export function Stage() {
  return target.isLaptop ? <Address /> : <Entry />;
}

function Address() {
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
      <Action type="submit">Open this stage</Action>
    </form>
  );
}

function Entry() {
  const token = useSignal("");
  const paste = () => {
    try {
      begin(token.value.trim().replace(/^Bearer\s+/i, ""));
      token.value = "";
    } catch (error) {
      notify("refused", `That is no token: ${wordsOf(error)}`);
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
          <Action type="submit" primary>
            Use this token
          </Action>
          {signIn && <Action onPress={() => void startSignIn(signIn)}>Sign in with Cognito</Action>}
          {session.value && <Action onPress={end}>End the session</Action>}
        </div>
      </form>
      <p>
        <a href={location.pathname}>Back to the laptop</a>
      </p>
    </>
  );
}
