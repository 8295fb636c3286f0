import { signal, useSignal } from "@preact/signals";
import { count } from "../format.ts";
import { target, validToken } from "../session.ts";
import { Field } from "../ui/field.tsx";
import { TableHead } from "../ui/table-head.tsx";
import { RequestCard } from "./request-card.tsx";
import { type RawResponse, sendRequest } from "./response.ts";

/** The plans of docs/contract.md: requests a second, in one moment, and in a month (UTC). */
const PLANS = [
  { name: "basic", rate: 50, burst: 100, quota: 1_000 },
  { name: "production", rate: 1_000, burst: 2_000, quota: 10_000 },
] as const;

const COLUMNS = [
  { title: "Plan" },
  { title: "Rate", num: true },
  { title: "Burst", num: true },
  { title: "A month", num: true },
];

const PATH = "/partner/version"; // needs a token and a key, so it is metered
const MOST = 150; // requests
const PARALLEL = 20; // requests

/** In memory only: it outlives a visit of another page, but not the window. */
const apiKey = signal("");

/** What this window knows about the quota of the key. */
const usage = signal({ key: "", counted: 0, isUsedUp: false });

/** Sends a bounded burst with an API key, and counts the answers by status and message. */
export function PartnerBurst() {
  const requests = useSignal(String(MOST));
  const counts = useSignal<Readonly<Record<string, number>>>({});

  const run = async (): Promise<RawResponse | undefined> => {
    const key = apiKey.value.trim();
    const token = await validToken();
    const byAnswer: Record<string, number> = {};
    const counted = usage.value.key === key ? usage.value.counted : 0;
    usage.value = { key, counted, isUsedUp: false };
    let left = Math.min(MOST, Math.max(1, Math.floor(Number(requests.value)) || 1));
    let shown: RawResponse | undefined;
    let isRefused = false; // the token or the key: all other requests would be refused too
    const worker = async () => {
      while (left > 0 && !isRefused) {
        left--;
        const response = await sendRequest(target.api, token, "GET", PATH, undefined, key);
        const { code } = response;
        const name = code === 200 ? response.status : `${code} ${messageOf(response)}`;
        byAnswer[name] = (byAnswer[name] ?? 0) + 1;
        counts.value = { ...byAnswer };
        isRefused ||= code === 401 || code === 403;
        if (!shown || (shown.code === 200 && code !== 200)) shown = response;
        usage.value = after(usage.value, response);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    return shown;
  };

  const texts = Object.entries(counts.value).map(([answer, times]) => `${times} × ${answer}`);
  return (
    <RequestCard
      title="Partner API"
      verb="Send requests"
      run={run}
      disabled={!target.isLaptop || apiKey.value.trim() === ""}
    >
      <p>
        <code>GET {PATH}</code> needs a token and an API key. Each key has the limits of its plan,
        in requests:
      </p>
      <table class="plans">
        <TableHead columns={COLUMNS} />
        <tbody>
          {PLANS.map(({ name, rate, burst, quota }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="num">{count(rate)}/s</td>
              <td class="num">{count(burst)}</td>
              <td class="num">{count(quota)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {!target.isLaptop && <p>The laptop has the Partner API. No stage has it yet.</p>}
      <Field
        label="API key"
        type="password"
        hint="The first start of npm run dev prints one; npm run keys -- create makes another. It stays in this window's memory."
        value={apiKey.value}
        onInput={(value) => (apiKey.value = value)}
      />
      <Field
        label="Requests"
        type="number"
        min={1}
        hint={`At most ${MOST}, ${PARALLEL} at a time`}
        value={requests.value}
        onInput={(value) => (requests.value = value)}
      />
      {texts.length > 0 && (
        <p class="outcome" role="status">
          <b class="num">{texts.join(", ")}</b>. <QuotaLeft />
        </p>
      )}
    </RequestCard>
  );
}

/** No answer names the plan or what is left of the quota, so this is an upper bound. */
function QuotaLeft() {
  const { counted, isUsedUp } = usage.value;
  if (isUsedUp) return <>The key's quota of this month (UTC) is used up: 0 requests are left.</>;
  const left = PLANS.map(
    ({ name, quota }) => `${count(Math.max(0, quota - counted))} of ${count(quota)} (${name})`,
  );
  return (
    <>
      Answers do not say what is left of the key's quota. {count(counted)} requests of this window
      count, so at most {left.join(" or ")} are left.
    </>
  );
}

type Usage = typeof usage.value;

/** A request counts unless the token, the key, the rate or the quota refused it. */
function after(known: Usage, response: RawResponse): Usage {
  if (messageOf(response) === "Limit Exceeded") return { ...known, isUsedUp: true };
  const isCounted = ![401, 403, 429].includes(response.code);
  return isCounted ? { ...known, counted: known.counted + 1 } : known;
}

/** The message of a gateway's answer; the status if it has none. */
function messageOf({ status, body }: RawResponse): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    if (typeof message === "string") return message;
  } catch {
    // not JSON
  }
  return status.replace(/^\d+ /, "");
}
