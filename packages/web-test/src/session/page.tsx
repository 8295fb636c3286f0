import { connection } from "../connection.ts";
import { duration, moment } from "../format.ts";
import { canMint, SCOPES, secondsLeft, session } from "../session.ts";
import { Empty } from "../ui/gate.tsx";
import { Mint } from "./mint.tsx";
import { Probe } from "./probe.tsx";
import { Stage } from "./stage.tsx";

export function SessionPage() {
  return (
    <div class="columns">
      <section class="panel padded" aria-labelledby="token-heading">
        <h2 id="token-heading">This token</h2>
        <Token />
      </section>
      {canMint && (
        <section class="panel padded" aria-labelledby="mint-heading">
          <h2 id="mint-heading">Another token</h2>
          <Mint />
        </section>
      )}
      {connection.value && (
        <section class="panel padded" aria-labelledby="probe-heading">
          <h2 id="probe-heading">What it opens</h2>
          <Probe key={session.value?.token} connection={connection.value} />
        </section>
      )}
      <section class="panel padded" aria-labelledby="stage-heading">
        <h2 id="stage-heading">{canMint ? "A deployed stage" : "This stage"}</h2>
        <Stage />
      </section>
    </div>
  );
}

function Token() {
  const held = session.value;
  if (!held) return <Empty title="No token">Get one here.</Empty>;
  const { sub, scopes, expiresAt, all } = held.claims;
  const left = secondsLeft.value;
  return (
    <>
      <dl class="facts">
        <dt>Subject</dt>
        <dd>{sub}</dd>
        <dt>Time left</dt>
        <dd>
          <span class="num" data-fact="left">
            {left === undefined ? "no end" : duration(left)}
          </span>
          {expiresAt !== undefined && (
            <span class="faint"> · until {moment(new Date(expiresAt).toISOString())}</span>
          )}
        </dd>
        <dt>Renewed</dt>
        <dd>{held.renew ? "by itself, before it ends" : "no: paste another in time"}</dd>
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
