import type { Defect } from "../defect.ts";

const REST = "packages/gateway/rest";
const test = (file: string, title: string) => ({ file: `${REST}/${file}.test.ts`, title });
const PLAN = (title: string) => test("usage-plan", title);
const AUTHORIZER = (title: string) => test("authorizer", title);

const keys: Defect[] = [
  {
    file: `${REST}/api-key.ts`,
    text: "return key?.enabled && isValid ? key : undefined;",
    replacement: "return key?.enabled ? key : undefined;",
    harm: "A key is accepted after it has expired",
    test: PLAN("a key can be stored as its hash, name its plan, and expire"),
  },
  {
    file: `${REST}/api-key.ts`,
    text: "valueHash = hashOf(value);",
    replacement: "valueHash = byHash.has(value) ? value : hashOf(value);",
    harm: "Whoever reads the file of keys can use the hashes in it as keys",
    test: PLAN("a key can be stored as its hash, name its plan, and expire"),
  },
  {
    file: `${REST}/usage-plan.ts`,
    text: "return plan.stages.includes(stage);",
    replacement: "return plan.stages.length > 0;",
    harm: "A key of one stage opens all others",
    test: PLAN("a key of a plan for another stage is refused"),
  },
  {
    file: `${REST}/usage-plan.ts`,
    text: "const id = JSON.stringify([name, key.id, own && routeKey]);",
    replacement: "const id = JSON.stringify([name, own && routeKey]);",
    harm: "One caller uses up the rate of all other callers of its plan",
    test: PLAN("the throttle of a plan is for each key"),
  },
  {
    file: `${REST}/usage-plan.ts`,
    text: "usage.since(name, key.id, periodStart(quota.period, clock())) >= quota.limit,",
    replacement: 'usage.since(name, key.id, "2000-01-01") >= quota.limit,',
    harm: "A caller who has used up a quota is refused in all later months",
    test: PLAN("a quota counts what was admitted, for each key, until the month turns"),
  },
  {
    file: `${REST}/rest-api.ts`,
    text: "if (admission.exhausted()) return",
    replacement: "admission.count();\n    if (admission.exhausted()) return",
    harm: "Requests that are throttled use up the quota of their caller",
    test: PLAN("a quota counts what was admitted, for each key, until the month turns"),
  },
  {
    file: `${REST}/usage.ts`,
    text: "if (isOpen && lines !== undefined) writeSync(file, lines);",
    replacement: "",
    harm: "A restart of the gateway gives each caller its whole quota again",
    test: PLAN("counts are in the file when a request is answered, also after kill -9"),
  },
  {
    file: `${REST}/rest-api.ts`,
    text: "const [outcome] = await Promise.all([validateAndInvoke(metered), stored]);",
    replacement: "const [outcome] = await Promise.all([validateAndInvoke(metered)]);",
    harm: "A request is answered whose count a kill -9 of the gateway loses",
    test: PLAN("a request is answered after it is counted in the file"),
  },
  {
    file: `${REST}/api-key.ts`,
    text: "find(valueHash, now, false) ?? find(valueHash, now, true)",
    replacement: "find(valueHash, now, false)",
    harm: "A new key is refused until the gateway happens to look for changes",
    test: PLAN("a key that is refused is looked for again"),
  },
  {
    file: `${REST}/api-key.ts`,
    text: "const isValid = key?.expiresAt === undefined || key.expiresAt > now;",
    replacement: "const isValid = !(key?.expiresAt !== undefined && key.expiresAt <= now);",
    harm: "A key whose end cannot be read never ends",
    test: PLAN("a key whose end is no time is refused"),
  },
  {
    file: `${REST}/usage.ts`,
    text: "if (isOpen && lines !== undefined) writeSync(file, lines);",
    replacement: "if (lines !== undefined) writeSync(file, lines);",
    harm: "A request that ends after the gateway has stopped is counted in some other file",
    test: PLAN("a request that is admitted after the file was closed"),
  },
];

const policies: Defect[] = [
  {
    file: `${REST}/policy.ts`,
    text: 'list.addSubnet(address, prefix, version === 6 ? "ipv6" : "ipv4");',
    replacement: 'list.addAddress(address, version === 6 ? "ipv6" : "ipv4");',
    harm: "A policy that denies a range of addresses denies its first one only",
    test: test("policy", "of this range"),
  },
  {
    file: `${REST}/policy.ts`,
    text: "return () => negated;",
    replacement: "return () => true;",
    harm: "An API for one VPC answers callers from everywhere",
    test: test("policy", "for a VPC endpoint only"),
  },
  {
    file: `${REST}/authorizer.ts`,
    text: 'const effect = evaluate(policy, arn, "execute-api:Invoke");',
    replacement: 'const effect = cached ? "allow" : evaluate(policy, arn, "execute-api:Invoke");',
    harm: "A policy that allows one method allows all others while it is cached",
    test: AUTHORIZER("a cached policy that names one method refuses the others"),
  },
  {
    file: `${REST}/authorizer.ts`,
    text: 'const key = identity.length === 1 ? (identity[0] ?? "") : JSON.stringify(identity);',
    replacement: 'const key = identity[0] ?? "";',
    harm: "A caller gets the cached policy of another one with the same first identity",
    test: AUTHORIZER("a cached policy is for all identity sources together"),
  },
];

const contents: Defect[] = [
  {
    file: `${REST}/response-cache.ts`,
    text: 'if (where === "path") return pathParameters[name] ?? null;',
    replacement: 'if (where === "path") return null;',
    harm: "A cached answer about one record is given for another one",
    test: test("response-cache", "only the named parameters tell answers apart"),
  },
  {
    file: `${REST}/rest-api.ts`,
    text: 'if (!cache || req.method !== "GET")',
    replacement: 'if (!cache || request.method !== "GET")',
    harm: "A POST whose method is overridden gets the cached answer of a GET",
    test: test("response-cache", "a request of another method"),
  },
  {
    file: `${REST}/response.ts`,
    text: "return valid && status >= 200 && status <= 599",
    replacement: "return valid && status >= 100 && status <= 599",
    harm: "A client waits for a response that never comes, because its function returned a 1xx",
    test: test("rest-api", "the result"),
  },
  {
    file: `${REST}/integration.ts`,
    text: "if (Buffer.byteLength(payload) > MAX_PAYLOAD) {",
    replacement: "if (Number.isNaN(payload.length)) {",
    harm: "A function behind a template gets an event that Lambda would refuse",
    test: test("integration", "above Lambda's 6 MB"),
  },
  {
    file: `${REST}/response-cache.ts`,
    text: "if (ttl === 0 || response.status >= 500 ||",
    replacement: "if (ttl === 0 ||",
    harm: "A failure of a moment is answered from the cache for minutes",
    test: test("response-cache", "an error of the server"),
  },
  {
    file: `${REST}/template.ts`,
    text: `  '"': '\\\\"',\n`,
    replacement: `  '"': '"',\n`,
    harm: "A text with quotes adds members to the JSON that a template makes",
    test: test("integration", "escapeJavaScript escapes as Apache Commons does"),
  },
  {
    file: `${REST}/template.ts`,
    text: "Object.defineProperty(this, name, { value: javaValue(value), enumerable: true });",
    replacement: "Object.assign(this, { [name]: javaValue(value) });",
    harm: "A member called __proto__ in a body changes what a template reads",
    test: test("integration", "$input.path('$')"),
  },
  {
    file: `${REST}/stream.ts`,
    text: "const at = received.indexOf(DELIMITER);",
    replacement: "const at = chunk.indexOf(DELIMITER);",
    harm: "An answer whose metadata arrive in two parts is a 502",
    test: test("stream", "metadata and delimiter may arrive in parts"),
  },
  {
    file: `${REST}/validator.ts`,
    text: "return value !== undefined && model(value) ?",
    replacement: "return value === undefined || model(value) ?",
    harm: "A body that is no JSON passes the validation of its model",
    test: test("validator", "the body "),
  },
  {
    file: `${REST}/validator.ts`,
    text: 'const model = models.get(type || "application/json");',
    replacement: 'const model = models.get(type ?? "");',
    harm: "A body without a content type is not validated",
    test: test("validator", "the body "),
  },
];

export const rest = [...keys, ...policies, ...contents];
