/** The limits page: requests that the server refuses, with its raw answers. */

import { useSignal } from "@preact/signals";
import { canIssueTokens, FULL_ACCESS, issueToken } from "../issuer.ts";
import { hasScope, target, validToken } from "../session.ts";
import { RequireScopes } from "../ui/require-scopes.tsx";
import { CustomFrame, CustomRequest } from "./custom-request.tsx";
import { PartnerBurst } from "./partner.tsx";
import { RequestCard } from "./request-card.tsx";
import { type RawResponse, sendRequest } from "./response.ts";

const BURST = 100; // requests
const TIMEOUT = 15_000; // ms
const THROTTLED = "429 Too Many Requests";

export const LimitsPage = () => (
  <RequireScopes scopes={[]}>
    {() => (
      <div class="columns">
        <Throttling />
        <PartnerBurst />
        <MissingScope />
        <Validation />
        <CustomRequest />
        <CustomFrame />
      </div>
    )}
  </RequireScopes>
);

/** Sends bursts until the route's token bucket is empty. */
function Throttling() {
  const counts = useSignal<Readonly<Record<string, number>>>({});
  const run = async (): Promise<RawResponse | undefined> => {
    const token = await validToken();
    const send = () => sendRequest(target.api, token, "GET", "/users?email=nobody@example.com");
    const byStatus: Record<string, number> = {};
    const deadline = Date.now() + TIMEOUT;
    for (;;) {
      const responses = await Promise.all(Array.from({ length: BURST }, send));
      for (const { status } of responses) byStatus[status] = (byStatus[status] ?? 0) + 1;
      counts.value = { ...byStatus };
      const throttled = responses.find(({ status }) => status === THROTTLED);
      if (throttled || Date.now() > deadline) return throttled ?? responses[0];
    }
  };
  const texts = Object.entries(counts.value).map(([status, count]) => `${count} × ${status}`);
  return (
    <RequestCard title="Throttling" verb="Send requests until throttled" run={run}>
      <p>
        <code>GET /users</code> takes 100 requests a second, and a burst of 200.
        {texts.length > 0 && <b class="num"> {texts.join(", ")}</b>}
      </p>
    </RequestCard>
  );
}

/** Deletes a user with a token that has no scope for it. */
function MissingScope() {
  const run = async () => {
    const readOnly = { ...FULL_ACCESS, scopes: ["read:products"] as const, ttl: 60 };
    const token = canIssueTokens ? await issueToken(readOnly) : await validToken();
    return sendRequest(target.api, token, "DELETE", "/users/unknown");
  };
  const description = canIssueTokens ? "a token that may only read products" : "your token";
  return (
    <RequestCard title="Missing scope" verb="Delete a user" run={run}>
      <p>
        <code>DELETE /users/unknown</code> needs <code>write:users</code>. The request has{" "}
        {description}.
        {!canIssueTokens &&
          hasScope("write:users") &&
          " It has that scope, so the answer is a 404."}
      </p>
    </RequestCard>
  );
}

/** Creates a user of which every member is invalid. */
function Validation() {
  const invalid = { name: "x", email: "not an address", phone: "12", age: 7, colour: "red" };
  const run = async () =>
    sendRequest(target.api, await validToken(), "POST", "/users", JSON.stringify(invalid));
  return (
    <RequestCard title="Validation" verb="Create an invalid user" run={run}>
      <p>The answer lists all problems together, each with a pointer.</p>
    </RequestCard>
  );
}
