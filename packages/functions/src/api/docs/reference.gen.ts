/** The script and the style of the API reference; made by `npm run reference`. */

export const script = String.raw`
// document.ts
var api;
async function loadDocument() {
  api = await (await fetch("openapi.json")).json();
  return api;
}
function resolve(node) {
  const { $ref, ...own } = node;
  if ($ref === void 0) return node;
  const target = $ref.slice("#/".length).split("/").reduce((from, step) => from[step], api);
  return { ...resolve(target), ...own };
}
var isProblemCode = (text) => api.components.schemas["Problem"]?.properties?.["code"]?.enum?.includes(text) ?? false;
var bodyOf = ({ requestBody }) => {
  const [type, { schema = {} } = {}] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  return type === void 0 ? void 0 : { type, schema };
};
function operationsOf({ paths }) {
  return Object.entries(paths).flatMap(
    ([path, methods]) => Object.entries(methods).map(([method, own]) => {
      const single = path.endsWith("/batch") && paths[path.slice(0, -"/batch".length)]?.["post"];
      return {
        id: own.operationId,
        method: method.toUpperCase(),
        path,
        tag: own.tags[0],
        summary: own.summary,
        parameters: (own.parameters ?? []).map(resolve),
        body: bodyOf(own),
        entry: single ? bodyOf(single)?.schema : void 0,
        responses: own.responses,
        scope: own.security && Object.values(own.security[0] ?? {}).flat().join(" ")
      };
    })
  );
}

// dom.ts
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value) node.setAttribute(name, String(value));
  }
  append(node, children);
  return node;
}
function append(node, children) {
  for (const child of children) {
    if (typeof child === "string") node.appendChild(document.createTextNode(child));
    else if (child instanceof Node) node.appendChild(child);
    else if (child) append(node, child);
  }
}
var code = (text) => el("code", {}, text);
var small = (...children) => el("small", {}, ...children);
var bad = (text) => el("b", { class: "bad" }, text);
var pane = (label) => el("pre", { tabindex: "0", "aria-label": label });
var problemLink = (name) => el("a", { href: "docs/problems#".concat(name) }, code(name));
var JSON_TOKEN = /("(?:\\.|[^"\\])*")(?=(:)?)|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;
function appendHighlighted(pre, json) {
  let end = 0;
  for (const match of json.matchAll(JSON_TOKEN)) {
    const [token, string, colon] = match;
    const kind = colon ? "key" : string ? "text" : "word";
    pre.append(json.slice(end, match.index), el("span", { class: kind }, token));
    end = match.index + token.length;
  }
  pre.append(json.slice(end));
}
function byId(tag, id) {
  const found = document.querySelector("".concat(tag, "#").concat(id));
  if (!found) throw new Error("the page has no #".concat(id));
  return found;
}
function copyButton(label, source) {
  const button = el("button", { type: "button", "aria-label": "Copy ".concat(label) }, "Copy");
  const copy = async () => {
    getSelection()?.selectAllChildren(source);
    const clipboard = navigator.clipboard;
    if (!clipboard) return;
    await clipboard.writeText(source.textContent);
    byId("div", "announcement").textContent = "".concat(label, " copied");
    button.textContent = "Copied";
  };
  button.addEventListener("click", () => void copy());
  return button;
}

// schema.ts
var alternatives = (schema) => (schema.anyOf ?? schema.oneOf ?? []).map(resolve);
function concrete(schema) {
  const resolved = resolve(schema);
  const [only, ...others] = alternatives(resolved).filter(({ type }) => type !== "null");
  if (!only || others.length > 0) return resolved;
  const { anyOf: _anyOf, oneOf: _oneOf, ...own } = resolved;
  return { ...only, ...own };
}
function typeName(schema) {
  const { type = "anything", format, items, ...rest } = resolve(schema);
  const choices = alternatives(rest);
  if (choices.length > 0) return choices.map(typeName).join(" or ");
  if (type === "array") return "array of ".concat(typeName(items ?? {}));
  return [type].flat().join(" or ") + (format ? ", ".concat(format) : "");
}
function range(low, high, unit = "") {
  const [from, to] = [low, high].map(
    (n) => n !== void 0 && Math.abs(n) < Number.MAX_SAFE_INTEGER ? n : void 0
  );
  if (from === void 0) return to === void 0 ? void 0 : "at most ".concat(to).concat(unit);
  return to === void 0 ? "at least ".concat(from).concat(unit) : "".concat(from, "–").concat(to).concat(unit);
}
var LONGEST_PATTERN = 60;
function summary(schema) {
  const s = concrete(schema);
  return [
    s.description,
    typeName(schema),
    s.const !== void 0 && "only ".concat(String(s.const)),
    s.enum?.join(", "),
    s.exclusiveMinimum !== void 0 && "above ".concat(s.exclusiveMinimum),
    range(s.minimum, s.maximum),
    range(s.minLength || void 0, s.maxLength, " characters"),
    range(s.minItems, s.maxItems, " entries"),
    s.pattern !== void 0 && s.pattern.length < LONGEST_PATTERN && s.pattern,
    s.default !== void 0 && "default ".concat(JSON.stringify(s.default))
  ].filter(Boolean).join(" · ");
}
var DEEPEST = 5;
function memberList(schema, isRequest, depth = 0) {
  const s = concrete(schema);
  if (depth > DEEPEST) return [];
  if (s.type === "array") return memberList(s.items ?? {}, isRequest, depth + 1);
  const choices = alternatives(s);
  if (choices.length > 0) {
    return choices.flatMap((choice, index) => [
      el("p", {}, index > 0 ? "or " : "either ", small(summary(choice))),
      ...memberList(choice, isRequest, depth + 1)
    ]);
  }
  const rows = Object.entries(s.properties ?? {}).map(([name, property]) => {
    const isRequired = s.required?.includes(name);
    const absence = isRequest ? " · optional" : " · may be absent";
    return el(
      "li",
      {},
      code(name),
      " ",
      small(summary(property), !isRequired && absence, isRequest && isRequired && bad(" required")),
      memberList(property, isRequest, depth + 1)
    );
  });
  if (s.type === "object" && s.additionalProperties) {
    rows.push(el("li", {}, small("any other members")));
  }
  return rows.length > 0 ? [el("ul", {}, rows)] : [];
}

// example.ts
var knownIds = /* @__PURE__ */ new Map();
var singular = (tag) => tag.toLowerCase().replace(/s$/, "");
function rememberIds({ tag }, body) {
  const { items, results } = body ?? {};
  const record = items?.[0] ?? results?.[0]?.record ?? body;
  const { id, productId } = record ?? {};
  if (typeof id === "string") knownIds.set(singular(tag), id);
  if (typeof productId === "string") knownIds.set("product", productId);
}
var knownId = ({ tag }, parameter) => knownIds.get(parameter === "id" ? singular(tag) : parameter.replace("Id", "")) ?? "";
var randomText = () => Math.random().toString(36).slice(2, 6);
var samplesFor = (tag) => {
  const samples = {
    Users: {
      name: "Ana Lima",
      email: "ana.".concat(randomText(), "@example.com"),
      phone: "5550100123",
      age: 34
    },
    Products: {
      name: "Desk lamp",
      price: 24.5,
      category: "Lighting",
      sku: "LAMP-".concat(randomText()),
      initialQuantity: 40
    },
    Inventory: { quantity: 40, reorderPoint: 5, delta: 3, reason: "Counted" },
    Reservations: { productId: knownIds.get("product"), quantity: 1 }
  };
  return samples[tag] ?? {};
};
var FREE_FORM = {
  type: { const: "note" },
  title: { const: "Anything goes" }
};
function example(schema, operation, name = "") {
  const s = concrete(schema);
  const samples = samplesFor(operation.tag);
  const given = samples[name] ?? s.const ?? s.default ?? s.enum?.[0];
  if (given !== void 0) return given;
  const choice = alternatives(s).at(-1);
  if (choice) return example(choice, operation);
  if (s.type === "array") {
    const entries = operation.entry ? [operation.entry, operation.entry] : [s.items ?? {}];
    return entries.map((entry) => example(entry, operation));
  }
  if (s.type === "object") {
    const { required, properties } = s;
    const all = Object.entries(properties ?? FREE_FORM);
    const some = required ? all.filter(([key]) => required.includes(key) || samples[key]) : all.slice(0, properties ? 1 : void 0);
    return Object.fromEntries(
      some.map(([key, property]) => [key, example(property, operation, key)])
    );
  }
  return s.type === "string" ? "text" : s.minimum ?? 1;
}

// request.ts
var tokenField = () => byId("input", "token");
var BASE = new URL(".", location.href).href.slice(0, -1);
var HIGHLIGHTED = 1e5;
var lastField = 0;
function fieldOf(parameter) {
  const { name, description, required, schema } = parameter;
  const s = resolve(schema);
  const id = "field".concat(++lastField);
  const about = "".concat(id, "-about");
  const options = s.enum ?? (s.const === void 0 ? s.type === "boolean" && [true, false] : [s.const]);
  const shared = { id, required, "aria-describedby": about };
  const input = options ? el(
    "select",
    shared,
    el("option"),
    options.map((value) => el("option", {}, String(value)))
  ) : el("input", { ...shared, autocomplete: "off", spellcheck: "false" });
  const notes = small(description && "".concat(description, " · "), summary(s), required && bad(" required"));
  notes.id = about;
  const label = el("label", { for: id }, code(name));
  return { parameter, input, node: el("div", { class: "field" }, label, " ", notes, input) };
}
function requestOf({ path, body }, fields, text) {
  let filled = path;
  const query = [];
  const headers = body ? { "Content-Type": body.type } : {};
  for (const { parameter, input } of fields) {
    const { name } = parameter;
    const { value } = input;
    if (value === "") continue;
    const encoded = encodeURIComponent(value);
    if (parameter.in === "path") filled = filled.replace("{".concat(name, "}"), () => encoded);
    else if (parameter.in === "query") query.push("".concat(name, "=").concat(encoded));
    else headers[name] = value;
  }
  const search = query.length > 0 ? "?".concat(query.join("&")) : "";
  return { url: BASE + filled + search, headers, body: text };
}
var shellQuoted = (text) => "'".concat(text.replaceAll("'", "'\\''"), "'");
function curlOf({ method, scope }, { url, headers, body }) {
  return [
    "curl -i ".concat(method === "GET" ? "" : "-X ".concat(method, " ")).concat(shellQuoted(url)),
    scope !== void 0 && '-H "Authorization: Bearer $TOKEN"',
    ...Object.entries(headers).map((header) => "-H ".concat(shellQuoted(header.join(": ")))),
    body !== void 0 && "--data-raw ".concat(shellQuoted(body))
  ].filter(Boolean).join(" \\\n  ");
}
var parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return void 0;
  }
};
function responseView(response, text, json) {
  const pre = pane("Body");
  if (json === void 0 || text.length > HIGHLIGHTED) pre.append(text);
  else appendHighlighted(pre, JSON.stringify(json, null, 2));
  const { code: problem } = json ?? {};
  const body = el("div", { class: "row" }, el("h3", {}, "Body"), copyButton("body", pre));
  return [
    el(
      "dl",
      {},
      [...response.headers].flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])
    ),
    ...problem ? [el("p", {}, "What it means: ", problemLink(problem))] : [],
    ...text === "" ? [] : [body, pre]
  ];
}
function documentedAnswer([status, documented]) {
  const { description, headers = {}, content = {} } = resolve(documented);
  if (Number(status) >= 400) {
    const codes = description.split(", ").flatMap((name, index) => [
      index > 0 ? ", " : " ",
      isProblemCode(name) ? problemLink(name) : name
    ]);
    return el("p", {}, bad(status), codes);
  }
  const [type, { schema } = {}] = Object.entries(content)[0] ?? ["no body"];
  return el(
    "details",
    {},
    el("summary", {}, el("b", { class: "good" }, status), " ", description),
    small([type, ...Object.keys(headers)].join(", ")),
    schema && memberList(schema, false)
  );
}
function requestForm(operation) {
  const { method, scope, body, entry } = operation;
  const fields = operation.parameters.map(fieldOf);
  const area = body && el("textarea", { id: "body-".concat(operation.id), spellcheck: "false" });
  if (area) {
    area.value = JSON.stringify(example(body.schema, operation), null, 2);
    area.rows = area.value.split("\n").length;
  }
  const curl = pane("curl line");
  const status = el("span", { role: "status" }, small("Not sent yet"));
  const reply = el("div", { class: "reply" });
  const request = () => requestOf(operation, fields, area?.value);
  const writeCurl = () => curl.textContent = curlOf(operation, request());
  const show = (response, text, ms) => {
    const line = "".concat(response.status, " ").concat(response.statusText);
    const size = new Blob([text]).size;
    status.replaceChildren(
      el("b", { class: response.status < 400 ? "good" : "bad" }, line),
      " ",
      small("".concat(Math.ceil(ms), " ms · ").concat(size, " bytes"))
    );
    const json = parsed(text);
    reply.replaceChildren(...responseView(response, text, json));
    if (response.ok) rememberIds(operation, json);
  };
  const send = async () => {
    const { url, headers, body: text } = request();
    const token = tokenField().value.trim();
    if (scope !== void 0 && token !== "") headers["Authorization"] = "Bearer ".concat(token);
    const started = performance.now();
    const response = await fetch(url, {
      method,
      headers,
      ...text !== void 0 && { body: text },
      cache: "no-store",
      credentials: "omit"
    });
    show(response, await response.text(), performance.now() - started);
  };
  let isSending = false;
  const submit = async () => {
    if (isSending) return;
    isSending = true;
    status.textContent = "Sending…";
    reply.replaceChildren();
    try {
      await send();
    } catch (error) {
      status.replaceChildren(bad("No answer: "), error.message);
    }
    isSending = false;
  };
  const group = (title, open) => {
    const own = fields.filter(({ parameter }) => parameter.in === title.toLowerCase());
    if (own.length === 0) return void 0;
    return el(
      "details",
      { open },
      el("summary", {}, title),
      own.map(({ node }) => node)
    );
  };
  const bodyEditor = area && [
    el("h3", {}, el("label", { for: area.id }, "Body ", small(body.type))),
    area,
    memberList(body.schema, true)
  ];
  const form = el(
    "form",
    {},
    el(
      "section",
      { "aria-label": "Request" },
      group("Path", true),
      group("Query", true),
      bodyEditor,
      entry && [el("p", {}, "Each entry:"), memberList(entry, true)],
      group("Header", false)
    ),
    el(
      "section",
      { class: "run", "aria-label": "Try it" },
      el("div", { class: "row" }, el("h3", {}, "curl"), copyButton("curl line", curl)),
      curl,
      el("div", { class: "row" }, el("button", { type: "submit" }, "Send"), status),
      reply
    ),
    el(
      "section",
      { class: "answers", "aria-label": "Answers" },
      el("h3", {}, "Answers"),
      Object.entries(operation.responses).map(documentedAnswer)
    )
  );
  form.addEventListener("input", writeCurl);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  return {
    form,
    refresh() {
      for (const { parameter, input } of fields) {
        if (parameter.in === "path") input.value ||= knownId(operation, parameter.name);
      }
      writeCurl();
    }
  };
}

// main.ts
var NARROW = 880;
var foldMenu = () => byId("details", "menu").open = innerWidth > NARROW;
var KEPT = "token";
function startTokenField() {
  const field = tokenField();
  const keep = () => {
    try {
      sessionStorage.setItem(KEPT, field.value.trim());
    } catch {
    }
  };
  try {
    field.value = sessionStorage.getItem(KEPT) ?? "";
  } catch {
  }
  field.addEventListener("input", keep);
  byId("button", "clear").addEventListener("click", () => {
    field.value = "";
    keep();
  });
  if (!/^(?:localhost|127\..+|\[::1\])$/.test(location.hostname)) return;
  const port = location.port === "3000" ? "" : "--port ".concat(location.port);
  const command = el("code", {}, 'npm run -s token -- --scope "admin" ', el("wbr"), port);
  byId("small", "hint").replaceChildren("On this laptop:", command);
}
function viewOf(operation) {
  const { id, method, path, scope } = operation;
  const heading = () => [
    el("span", { class: "badge ".concat(method) }, method),
    el(
      "code",
      {},
      path.split(/(?=\/)/).flatMap((step) => [el("wbr"), step])
    )
  ];
  const access = scope === void 0 ? "open" : scope === "" ? "any token" : code(scope);
  const details = el(
    "details",
    { class: "op", id },
    el("summary", {}, heading(), el("span", {}, operation.summary), small(access))
  );
  let refresh;
  const open = () => {
    if (!refresh) {
      const built = requestForm(operation);
      details.append(built.form);
      refresh = built.refresh;
    }
    refresh();
    details.open = true;
  };
  details.addEventListener("toggle", () => {
    if (details.open) open();
  });
  return { operation, details, open, link: el("a", { href: "#".concat(id) }, heading()) };
}
async function start() {
  const api2 = await loadDocument();
  const views = operationsOf(api2).map(viewOf);
  const byTag = Object.entries(Object.groupBy(views, ({ operation }) => operation.tag));
  const sections = (pick) => byTag.map(([tag, some = []]) => el("section", {}, el("h2", {}, tag), some.map(pick)));
  byId("details", "menu").append(...sections(({ link }) => link));
  byId("main", "operations").replaceChildren(
    el("p", {}, "".concat(api2.info.summary, " · ").concat(api2.info.version)),
    ...sections(({ details }) => details)
  );
  const openLinked = () => {
    const found = views.find(({ operation }) => operation.id === location.hash.slice(1));
    if (!found) return;
    foldMenu();
    found.open();
    found.details.scrollIntoView();
    found.details.querySelector("summary")?.focus({ preventScroll: true });
  };
  addEventListener("hashchange", openLinked);
  openLinked();
}
foldMenu();
startTokenField();
start().catch((error) => {
  const text = "openapi.json can't be read: ".concat(error.message);
  byId("main", "operations").replaceChildren(el("p", { class: "bad", role: "alert" }, text));
});
`;

export const style = String.raw`
/* style.css */
:root {
  color-scheme: light dark;
  --page: #f5f6f3;
  --card: #fff;
  --ink: #1a2220;
  --soft: #56615d;
  --line: #d9ded8;
  --edge: #848e89;
  --accent: #0a6a5b;
  --get: #1a5cb4;
  --post: #12713a;
  --put: #875400;
  --patch: #7040b0;
  --delete: #b3261e;
  --mono:
    ui-monospace,
    Menlo,
    Consolas,
    monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1413;
    --card: #171d1b;
    --ink: #e5ebe8;
    --soft: #9ca8a3;
    --line: #2d3633;
    --edge: #6d7974;
    --accent: #62d2ba;
    --get: #82b7ff;
    --post: #72d391;
    --put: #e6b65c;
    --patch: #c7a7f7;
    --delete: #ff9d93;
  }
}
* {
  box-sizing: border-box;
  min-width: 0;
}
body,
h1,
h2,
h3,
p,
ul,
dl,
dd,
pre {
  margin: 0;
  padding: 0;
  border: 0;
}
body {
  background: var(--page);
  color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere;
}
a {
  color: var(--accent);
}
code,
pre,
dl {
  font: 0.875em/1.5 var(--mono);
}
:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: 2px;
}
h1 {
  font-size: 1.25rem;
  flex: 1;
}
h2 {
  font-size: 1.0625rem;
  margin: 1.25rem 0 0.25rem;
}
h3,
form summary {
  font-size: 1rem;
  font-weight: 600;
  padding: 0;
}
ul {
  list-style: none;
}
summary {
  cursor: pointer;
}
small {
  color: var(--soft);
  font-size: 0.875rem;
  font-weight: 400;
}
.skip:not(:focus),
#announcement {
  position: absolute;
  left: -99rem;
}
header,
.row {
  display: flex;
  flex-wrap: wrap;
  gap: 0.5rem 1rem;
  align-items: center;
}
header {
  padding: 0.75rem 1.25rem;
  background: var(--card);
  border-bottom: 1px solid var(--line);
}
main {
  padding: 1.25rem;
  min-height: 100dvh;
}
.frame {
  display: grid;
  grid-template-columns: 20rem 1fr;
  align-items: start;
  max-width: 100rem;
  margin: auto;
}
.side {
  position: sticky;
  top: 0;
  height: 100dvh;
  display: flex;
  flex-direction: column;
  gap: 0.75rem;
  padding: 1.25rem 0 0 1.25rem;
}
nav {
  overflow: auto;
}
nav h2 {
  margin-top: 0.75rem;
  font-size: 0.875rem;
}
nav a {
  display: flex;
  gap: 0.5rem;
  align-items: center;
  padding: 0.1875rem 0.25rem;
  border-radius: 0.375rem;
  color: inherit;
  text-decoration: none;
  line-height: 1.3;
}
nav a:hover,
.op > summary:hover,
tr:target {
  background: color-mix(in srgb, var(--accent) 12%, var(--card));
}
.card,
.op,
table {
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 0.5rem;
}
.card {
  padding: 0.875rem;
}
.card small {
  display: block;
  margin-top: 0.375rem;
}
#hint {
  min-height: 2.75rem;
}
.card code {
  display: block;
  white-space: nowrap;
  user-select: all;
  color: var(--ink);
  font-size: 0.75rem;
}
.row > input {
  flex: 1 1 6rem;
}
.badge {
  flex: none;
  width: 3.75rem;
  border-radius: 0.25rem;
  font: 600 0.6875rem/1.5rem var(--mono);
  text-align: center;
  background: color-mix(in srgb, currentColor 12%, transparent);
}
.GET,
.key {
  color: var(--get);
}
.POST,
.good,
.text {
  color: var(--post);
}
.PUT,
.word {
  color: var(--put);
}
.PATCH {
  color: var(--patch);
}
.DELETE,
.bad {
  color: var(--delete);
}
.op {
  margin-top: 0.5rem;
  scroll-margin-top: 0.5rem;
}
.op > summary {
  display: grid;
  grid-template-columns: auto 5fr 6fr 8.5rem;
  gap: 0 0.75rem;
  align-items: center;
  padding: 0.5rem 0.75rem;
  border-radius: 0.5rem;
}
.op > summary > :last-child {
  text-align: right;
}
.op[open] > summary,
tr:target {
  box-shadow: inset 4px 0 var(--accent);
}
form {
  display: grid;
  grid-template: auto 1fr / 1fr 1fr;
  gap: 1rem 1.5rem;
  align-items: start;
  padding: 1rem;
  border-top: 1px solid var(--line);
}
.run {
  grid-area: 1 / 2 / 3;
}
.run,
.reply {
  display: grid;
  gap: 0.75rem;
  align-content: start;
  min-height: 8rem;
}
.run h3 {
  flex: 1;
  margin: 0;
}
form details,
form h3 {
  margin: 0.5rem 0;
}
.field {
  margin-top: 0.5rem;
}
input,
select,
textarea,
button {
  font: 0.9375rem/1.4 system-ui, sans-serif;
  color: inherit;
  background: var(--page);
  border: 1px solid var(--edge);
  border-radius: 0.375rem;
  padding: 0.375rem 0.625rem;
}
form input,
select,
textarea {
  display: block;
  width: 100%;
  margin: 0.125rem 0 0.25rem;
}
textarea {
  font: 0.8125rem/1.5 var(--mono);
  resize: vertical;
}
button {
  font-size: 0.8125rem;
  font-weight: 600;
  cursor: pointer;
}
button:hover {
  border-color: var(--accent);
}
[type=submit] {
  padding-inline: 1.75rem;
  font-size: 1rem;
  background: var(--accent);
  color: var(--card);
}
pre {
  overflow: auto;
  max-height: 32rem;
  padding: 0.75rem;
  background: var(--page);
  border: 1px solid var(--line);
  border-radius: 0.375rem;
  font-size: 0.8125rem;
}
dl {
  display: grid;
  grid-template-columns: auto 1fr;
  gap: 0 1rem;
  font-size: 0.8125rem;
}
dt {
  color: var(--soft);
}
li,
.answers > :not(h3) {
  margin: 0;
  padding: 0.3125rem 0;
  border-top: 1px solid var(--line);
}
li ul {
  padding-left: 0.75rem;
  border-left: 2px solid var(--line);
}
table {
  border-collapse: collapse;
  width: 100%;
  margin-top: 1.25rem;
}
main:has(table) {
  max-width: 60rem;
  margin: auto;
}
td {
  width: 99%;
}
th {
  overflow-wrap: normal;
}
th,
td {
  padding: 0.5rem 0.875rem;
  text-align: left;
  vertical-align: top;
  border-top: 1px solid var(--line);
}
@media (max-width: 75rem) {
  form {
    grid-template: none / 1fr;
  }
  .run {
    grid-area: auto;
  }
}
@media (max-width: 55rem) {
  .frame {
    grid-template-columns: 1fr;
  }
  .side {
    position: static;
    height: auto;
    padding: 1rem 1rem 0;
  }
  main {
    padding: 1rem;
  }
  .op > summary {
    grid-template-columns: auto 1fr;
  }
  .op > summary > :nth-child(n+3) {
    grid-column: 2;
    text-align: left;
  }
}
`;
