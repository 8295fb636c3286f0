import { connection } from "../connection.ts";
import { duration, moment } from "../format.ts";
import { SCOPES } from "../catalog.ts";
import { canIssueTokens } from "../issuer.ts";
import { secondsLeft, session } from "../session.ts";
import { NoToken } from "../ui/require-scopes.tsx";
import { IssueToken } from "./issue-token.tsx";
import { SignInButtons, SignOutButton } from "./sign-in.tsx";
import { AccessCheck } from "./access-check.tsx";
import { Stage } from "./stage.tsx";

/** The session page: the token, what it gives access to, and how to get another one. */
export function SessionPage() {
  return (
    <div class="columns">
      <section class="panel padded" aria-labelledby="token-heading">
        <h2 id="token-heading">This token</h2>
        <Token />
      </section>
      {canIssueTokens && (
        <section class="panel padded" aria-labelledby="sign-in-heading">
          <h2 id="sign-in-heading">Sign in</h2>
          <p class="faint">
            As on a deployed stage: authorization code with PKCE, and a refresh token. The users
            need no password.
          </p>
          <div class="row">
            <SignInButtons />
            <SignOutButton />
          </div>
        </section>
      )}
      {canIssueTokens && (
        <section class="panel padded" aria-labelledby="issue-heading">
          <h2 id="issue-heading">Another token</h2>
          <IssueToken />
        </section>
      )}
      {connection.value && (
        <section class="panel padded" aria-labelledby="access-heading">
          <h2 id="access-heading">What it gives access to</h2>
          <AccessCheck key={session.value?.token} connection={connection.value} />
        </section>
      )}
      <section class="panel padded" aria-labelledby="stage-heading">
        <h2 id="stage-heading">{canIssueTokens ? "A deployed stage" : "This stage"}</h2>
        <Stage />
      </section>
    </div>
  );
}

function Token() {
  const current = session.value;
  if (!current) return <NoToken>Get one on this page.</NoToken>;
  const { sub, scopes, expiresAt, all } = current.claims;
  const left = secondsLeft.value;
  return (
    <>
      <dl class="facts">
        <dt>Subject</dt>
        <dd>{sub}</dd>
        <dt>Time left</dt>
        <dd>
          <span class="num" data-fact="left">
            {left === undefined ? "unlimited" : duration(left)}
          </span>
          {expiresAt !== undefined && (
            <span class="faint"> · until {moment(new Date(expiresAt).toISOString())}</span>
          )}
        </dd>
        <dt>Renewed</dt>
        <dd>
          {current.renew ? "automatically, before it expires" : "no: paste another one in time"}
        </dd>
        <dt>Issuer</dt>
        <dd>
          <code>{typeof all["iss"] === "string" && all["iss"]}</code>
        </dd>
      </dl>
      <ul class="scopes" aria-label="Scopes">
        {SCOPES.map((scope) => {
          const has = scopes.includes(scope);
          return (
            <li key={scope} class={has ? "has" : "lacks"}>
              <span aria-hidden="true">{has ? "✓" : "–"}</span> {scope}
              <span class="hidden">{has ? " granted" : " not granted"}</span>
            </li>
          );
        })}
      </ul>
    </>
  );
}
