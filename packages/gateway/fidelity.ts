/**
 * What this gateway reproduces of API Gateway, what it does only roughly, and what not at all.
 * `npm run dev -- --fidelity` prints the list, and docs/gateway.md holds it.
 */

/** `exact`: as AWS answers, by recordings or documentation. `approximate`: the effect, not every detail. */
export type Fidelity = "exact" | "approximate" | "missing";

/** One behaviour of an API. */
export interface Behaviour {
  api: "HTTP" | "REST" | "WebSocket" | "all";
  what: string;
  fidelity: Fidelity;
  /** What differs, or what is not known about AWS. */
  note?: string;
}

/** All behaviours, by API. */
export const behaviours: readonly Behaviour[] = [
  {
    api: "HTTP",
    what: "payload formats 2.0 and 1.0, decoded and raw paths, cookies, base64",
    fidelity: "exact",
  },
  {
    api: "HTTP",
    what: "results without a status code, default content types, malformed results",
    fidelity: "exact",
  },
  { api: "HTTP", what: "route order: full match, greedy match, $default; ANY", fidelity: "exact" },
  {
    api: "HTTP",
    what: "a slash at the end of a path",
    fidelity: "approximate",
    note: "reports about AWS contradict each other; here /a/ is not /a",
  },
  {
    api: "HTTP",
    what: "CORS: preflight without invocation, headers of the backend replaced",
    fidelity: "exact",
  },
  {
    api: "HTTP",
    what: "CORS headers on the gateway's own errors",
    fidelity: "approximate",
    note: "whether AWS adds them is not known; here it does",
  },
  {
    api: "HTTP",
    what: "JWT authorizer: signature, discovery, issuer, audience, times, scopes",
    fidelity: "exact",
  },
  {
    api: "HTTP",
    what: "texts of www-authenticate",
    fidelity: "approximate",
    note: "three are captured from AWS, the others say invalid_token only",
  },
  {
    api: "HTTP",
    what: "Lambda authorizer, both formats, simple results and policies, cache",
    fidelity: "exact",
  },
  {
    api: "HTTP",
    what: "throttles of route, stage and account as token buckets",
    fidelity: "exact",
  },
  { api: "HTTP", what: "errors 404, 413, 429, 500 and 503 and their bodies", fidelity: "exact" },
  {
    api: "HTTP",
    what: "request line and headers above 10,240 bytes: 431",
    fidelity: "approximate",
    note: "the limit is AWS's, the body of the answer is not known",
  },
  { api: "HTTP", what: "API mappings of custom domains, mutual TLS", fidelity: "missing" },
  {
    api: "REST",
    what: "Lambda proxy: payload 1.0 with its header case, nulls and encoded path",
    fidelity: "exact",
  },
  {
    api: "REST",
    what: "malformed results: 502 with AWS's 36 bytes; merged and remapped headers",
    fidelity: "exact",
  },
  {
    api: "REST",
    what: "API keys, usage plans with rates, quotas by day and month",
    fidelity: "exact",
  },
  {
    api: "REST",
    what: "quotas by week",
    fidelity: "approximate",
    note: "weeks begin on Sunday here; AWS documents no day",
  },
  {
    api: "REST",
    what: "TOKEN and REQUEST authorizers, cached policies, API keys from them",
    fidelity: "exact",
  },
  {
    api: "REST",
    what: "request validators: required parameters, models of JSON Schema draft 4",
    fidelity: "exact",
  },
  {
    api: "REST",
    what: "resource policies: addresses, with and without an authorizer",
    fidelity: "exact",
  },
  {
    api: "REST",
    what: "conditions of resource policies on VPCs",
    fidelity: "approximate",
    note: "no caller of a laptop comes from a VPC; other conditions are refused at the start",
  },
  {
    api: "REST",
    what: "response cache: named parameters, ttl, right to invalidate",
    fidelity: "exact",
  },
  {
    api: "REST",
    what: "which answers are cached, and the text of the Warning header",
    fidelity: "approximate",
    note: "AWS documents neither; here all answers below 500 are cached",
  },
  {
    api: "REST",
    what: "non-proxy integrations, mapping templates, mocks, selection patterns",
    fidelity: "exact",
  },
  {
    api: "REST",
    what: "Velocity's Java methods in templates",
    fidelity: "approximate",
    note: "common methods of String, Map and List; macros of AWS's own are all there",
  },
  { api: "REST", what: "gateway responses and their customisation", fidelity: "exact" },
  {
    api: "REST",
    what: "response streaming: metadata, framing, timeouts, idle timeout",
    fidelity: "exact",
  },
  {
    api: "REST",
    what: "a function that fails in the middle of a stream",
    fidelity: "approximate",
    note: "the connection is cut by default; `failedStream` ends it cleanly. AWS documents neither",
  },
  {
    api: "REST",
    what: "stage variables, base paths, method override, binary media types",
    fidelity: "exact",
  },
  {
    api: "REST",
    what: "compression, canary releases, client certificates, HTTP and VPC integrations, IAM and Cognito authorizers",
    fidelity: "missing",
    note: "a setting for one of them is refused at the start, by name",
  },
  {
    api: "WebSocket",
    what: "the 101 waits for authorizer and $connect; refusals keep their status",
    fidelity: "exact",
  },
  {
    api: "WebSocket",
    what: "route selection, $default, route responses, error frames to the byte",
    fidelity: "exact",
  },
  {
    api: "WebSocket",
    what: "128 KB messages, 32 KB frames, no binary, close codes",
    fidelity: "exact",
  },
  {
    api: "WebSocket",
    what: "10 idle minutes, two hours at most, 500 new connections a second",
    fidelity: "exact",
  },
  {
    api: "WebSocket",
    what: "@connections: POST, GET, DELETE, signatures, 403, 410, 413, 429",
    fidelity: "exact",
  },
  {
    api: "WebSocket",
    what: "order of the messages of one connection",
    fidelity: "approximate",
    note: "one after another by default; AWS documents no order. `concurrent` lets them overtake",
  },
  {
    api: "WebSocket",
    what: "non-proxy integrations, models, API keys on $connect",
    fidelity: "missing",
  },
  {
    api: "all",
    what: "the JSON boundary, limits of 6 MB and timeouts of Lambda",
    fidelity: "exact",
  },
  {
    api: "all",
    what: "TLS, HTTP/2, WAF, logs of execution, X-Ray",
    fidelity: "missing",
    note: "access logs are written, with AWS's names",
  },
];

/** The list as text, for a terminal. */
export function fidelityReport(): string {
  const title: Readonly<Record<Fidelity, string>> = {
    exact: "Emulated as AWS answers",
    approximate: "Approximated",
    missing: "Not emulated",
  };
  return (["exact", "approximate", "missing"] as const)
    .map((level) => {
      const lines = behaviours
        .filter(({ fidelity }) => fidelity === level)
        .map(({ api, what, note }) => {
          const first = `  ${api.padEnd(10)}${what}`;
          return note === undefined ? first : `${first}\n${" ".repeat(12)}${note}`;
        });
      return [title[level], ...lines].join("\n");
    })
    .join("\n\n");
}
