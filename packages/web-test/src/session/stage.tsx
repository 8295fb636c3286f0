import { useSignal } from "@preact/signals";
import { errorText, notify } from "../notice.tsx";
import { startSession, target } from "../session.ts";
import { redirectUri } from "../sign-in.ts";
import { addressOf } from "../target.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { SignInButtons, SignOutButton } from "./sign-in.tsx";

/** On a laptop: opens the console for a deployed stage. On a stage: starts a session there. */
export function Stage() {
  return target.isLaptop ? <StageAddress /> : <StageSession />;
}

function StageAddress() {
  const stage = useSignal({ api: "", live: "", issuer: "", client: "", scope: "" });
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
      {field("issuer", "OpenID issuer", "To sign in; leave it empty to paste a token", "url")}
      {field("client", "Client id", `Public, with PKCE and the redirect URI ${redirectUri()}`)}
      {field("scope", "Scopes", "Leave it empty for all that the client may have")}
      <Button type="submit">Open this stage</Button>
    </form>
  );
}

function StageSession() {
  const token = useSignal("");
  const paste = () => {
    try {
      startSession({ token: token.value.trim().replace(/^Bearer\s+/i, "") });
      token.value = "";
    } catch (error) {
      notify("refused", `Not a token: ${errorText(error)}`);
    }
  };
  const { api, live } = target;
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
          <SignInButtons />
          <SignOutButton />
        </div>
      </form>
      <p>
        <a href={location.pathname}>Back to the laptop</a>
      </p>
    </>
  );
}
