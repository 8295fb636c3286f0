/** Draws the reference and its console from `openapi.json`; data becomes text, never HTML. */
export const script = String.raw`
const $ = (id) => document.getElementById(id);
/** An element from "tag.class", attributes and children, less what is false or undefined. */
const el = (spec, ...parts) => {
  const [tag, ...classes] = spec.split(".");
  const node = document.createElement(tag);
  node.className = classes.join(" ");
  for (const part of parts.flat()) {
    if (typeof part === "string" || part instanceof Node) node.append(part);
    else for (const [name, value] of Object.entries(part ?? {})) if (value) node.setAttribute(name, value);
  }
  return node;
};
const code = (text) => el("code", text);
const small = (...parts) => el("small", ...parts);
const pane = (label) => el("pre", { tabindex: "0", "aria-label": label });
const problem = (name) => el("a", { href: "docs/problems#" + name }, code(name));
const base = new URL(".", location.href).href.slice(0, -1);
const fold = () => { $("menu").open = innerWidth > 880; };
fold();

// The token stays in this tab's session; where storage is forbidden, in its field.
const tokenOf = () => $("token").value.trim();
const keep = () => { try { sessionStorage.setItem("token", tokenOf()); } catch {} };
try { $("token").value = sessionStorage.getItem("token"); } catch {}
$("token").addEventListener("input", keep);
$("clear").addEventListener("click", () => {
  $("token").value = "";
  keep();
});
if (/^(localhost|127\..+|\[::1\])$/.test(location.hostname)) {
  const port = location.port === "3000" ? "" : "--port " + location.port;
  $("hint").replaceChildren("On this laptop:", el("code", 'npm run -s token -- --scope "admin" ', el("wbr"), port));
}

let api;
const at = (node = {}) => {
  if (node.$ref === undefined) return node;
  const { $ref, ...own } = node;
  return { ...at($ref.slice(2).split("/").reduce((from, step) => from?.[step], api)), ...own };
};

// Schemas in words.
const either = (s) => (s.anyOf ?? s.oneOf ?? []).map(at);
/** The schema itself, or the one besides null. */
const real = (schema) => {
  const s = at(schema);
  const some = either(s).filter(({ type }) => type !== "null");
  return some.length === 1 ? { ...some[0], ...s, anyOf: undefined } : s;
};
const kind = (schema) => {
  const s = at(schema);
  if (either(s).length > 0) return either(s).map(kind).join(" or ");
  if (s.type === "array") return "array of " + kind(s.items);
  return [s.type ?? "anything"].flat().join(" or ") + (s.format ? ", " + s.format : "");
};
const span = (low, high, unit = "") => {
  const [from, to] = [low, high].map((n) => (Math.abs(n) < Number.MAX_SAFE_INTEGER ? n : undefined));
  if (from === undefined) return to !== undefined && "at most " + to + unit;
  return to === undefined ? "at least " + from + unit : from + "–" + to + unit;
};
const words = (schema) => {
  const s = real(schema);
  return [
    s.description,
    kind(schema),
    s.const && "only " + s.const,
    s.enum?.join(", "),
    s.exclusiveMinimum !== undefined && "above " + s.exclusiveMinimum,
    span(s.minimum, s.maximum),
    span(s.minLength || undefined, s.maxLength, " characters"),
    span(s.minItems, s.maxItems, " entries"),
    s.pattern?.length < 60 && s.pattern,
    s.default !== undefined && "default " + JSON.stringify(s.default),
  ].filter(Boolean).join(" · ");
};
const members = (schema, asked, depth = 0) => {
  const s = real(schema);
  if (depth > 5) return [];
  if (s.type === "array") return members(s.items, asked, depth + 1);
  if (either(s).length > 0) return either(s).flatMap((one, i) => [el("p", i > 0 ? "or " : "either ", small(words(one))), ...members(one, asked, depth + 1)]);
  const rows = Object.entries(s.properties ?? {}).map(([name, property]) => {
    const must = s.required?.includes(name);
    return el("li", code(name), " ", small(words(property), !must && (asked ? " · optional" : " · may be absent"), asked && must && el("b.bad", " required")),
      members(property, asked, depth + 1));
  });
  if (s.type === "object" && s.additionalProperties) rows.push(el("li", small("any other members")));
  return rows.length > 0 ? [el("ul", rows)] : [];
};

// Example bodies that can be sent as they are.
const known = {}; // the latest id seen of each noun
const noun = (tag) => tag.toLowerCase().replace(/s$/, "");
const fresh = () => Math.random().toString(36).slice(2, 6);
const samples = () => ({
  Users: { name: "Ana Lima", email: "ana." + fresh() + "@example.com", phone: "5550100123", age: 34 },
  Products: { name: "Desk lamp", price: 24.5, category: "Lighting", sku: "LAMP-" + fresh(), initialQuantity: 40 },
  Inventory: { quantity: 40, reorderPoint: 5, delta: 3, reason: "Counted" },
  Reservations: { productId: known.product, quantity: 1 },
});
const example = (schema, o, name) => {
  const s = real(schema);
  const sample = samples()[o.tag] ?? {};
  const given = sample[name] ?? s.const ?? s.default ?? s.enum?.[0];
  if (given !== undefined) return given;
  if (either(s).length > 0) return example(either(s).at(-1), o);
  if (s.type === "array") return o.entry ? [example(o.entry, o), example(o.entry, o)] : [example(s.items, o)];
  if (s.type === "object") {
    const all = Object.entries(s.properties ?? { type: { const: "note" }, title: { const: "Anything goes" } });
    const some = s.required ? all.filter(([key]) => s.required.includes(key) || sample[key]) : all.slice(0, s.properties ? 1 : 2);
    return Object.fromEntries(some.map(([key, property]) => [key, example(property, o, key)]));
  }
  return s.type === "string" ? "text" : (s.minimum ?? 1);
};

const copier = (label, source) => {
  const button = el("button", { type: "button", "aria-label": "Copy " + label }, "Copy");
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(source);
    if (!navigator.clipboard) return; // plain HTTP: selected, at least
    await navigator.clipboard.writeText(source.textContent);
    $("said").textContent = label + " copied";
    button.textContent = "Copied";
  });
  return button;
};
const paint = (pre, text) => {
  let end = 0;
  for (const found of text.matchAll(/("(?:\\.|[^"\\])*")(?=(:)?)|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g)) {
    pre.append(text.slice(end, found.index), el(found[2] ? "span.key" : found[1] ? "span.text" : "span.word", found[0]));
    end = found.index + found[0].length;
  }
  pre.append(text.slice(end));
};

let fields = 0;
const control = (p, inputs) => {
  const s = at(p.schema);
  const id = "field" + ++fields;
  const options = s.enum ?? (s.const ? [s.const] : s.type === "boolean" && [true, false]);
  const shared = { id, required: p.required, "aria-describedby": id + "-about" };
  const input = options
    ? el("select", shared, el("option", { value: "" }), options.map((value) => el("option", String(value))))
    : el("input", shared, { autocomplete: "off", spellcheck: "false" });
  inputs.push({ p, input });
  return el("div.field", el("label", { for: id }, code(p.name)), " ",
    small({ id: id + "-about" }, p.description && p.description + " · ", words(s), p.required && el("b.bad", " required")), input);
};
const answerOf = ([status, response]) => {
  const { description, headers = {}, content = {} } = at(response);
  if (status >= 400) {
    const codes = at(api.components.schemas.Problem).properties.code.enum;
    return el("p", el("b.bad", status), description.split(", ").flatMap((name, i) => [i > 0 ? ", " : " ", codes.includes(name) ? problem(name) : name]));
  }
  const [type, { schema } = {}] = Object.entries(content)[0] ?? ["no body"];
  return el("details", el("summary", el("b.good", status), " ", description),
    small([type, ...Object.keys(headers)].join(", ")), schema && members(schema, false));
};

const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
/** The inside of an operation, made when it is first opened. */
const build = (o) => {
  const inputs = [];
  const group = (title, open) => {
    const found = o.parameters.filter((p) => p.in === title.toLowerCase());
    return found.length > 0 && el("details", { open }, el("summary", title), found.map((p) => control(p, inputs)));
  };
  const area = o.body && el("textarea", { id: "body-" + o.id, spellcheck: "false" });
  if (area) {
    area.value = JSON.stringify(example(o.body.schema, o), null, 2);
    area.rows = area.value.split("\n").length;
  }
  const curl = pane("curl line");
  const line = el("span", { role: "status" }, small("Not sent yet"));
  const reply = el("div.reply");

  const request = () => {
    let path = o.path;
    const query = [];
    const headers = area ? { "Content-Type": o.type } : {};
    for (const { p, input: { value } } of inputs) {
      if (value === "") continue;
      if (p.in === "path") path = path.replace("{" + p.name + "}", () => encodeURIComponent(value));
      else if (p.in === "query") query.push(p.name + "=" + encodeURIComponent(value));
      else headers[p.name] = value;
    }
    return { url: base + path + (query.length > 0 ? "?" + query.join("&") : ""), headers, body: area?.value };
  };
  const write = () => {
    const { url, headers, body } = request();
    curl.textContent = [
      "curl -i " + (o.method === "GET" ? "" : "-X " + o.method + " ") + quote(url),
      ...(o.scope === undefined ? [] : ['-H "Authorization: Bearer $TOKEN"']),
      ...Object.entries(headers).map((header) => "-H " + quote(header.join(": "))),
      ...(area ? ["--data-raw " + quote(body)] : []),
    ].join(" \\\n  ");
  };
  const show = (answer, raw, ms) => {
    line.replaceChildren(el(answer.status < 400 ? "b.good" : "b.bad", answer.status + " " + answer.statusText), " ",
      small(Math.ceil(ms) + " ms · " + new Blob([raw]).size + " bytes"));
    let json;
    try { json = JSON.parse(raw); } catch {}
    const pre = pane("Body");
    if (json === undefined || raw.length > 1e5) pre.append(raw);
    else paint(pre, JSON.stringify(json, null, 2));
    reply.replaceChildren(
      el("dl", [...answer.headers].flatMap(([name, value]) => [el("dt", name), el("dd", value)])),
      json?.code ? el("p", "What it means: ", problem(json.code)) : "",
      ...(raw === "" ? [] : [el("div.row", el("h3", "Body"), copier("body", pre)), pre]));
    if (!answer.ok) return;
    const record = json?.items?.[0] ?? json?.results?.[0].record ?? json;
    known[noun(o.tag)] = record?.id;
    if (record?.productId) known.product = record.productId;
  };
  let busy = false;
  const send = async () => {
    if (busy) return;
    busy = true;
    line.textContent = "Sending…";
    reply.replaceChildren();
    try {
      const { url, headers, body } = request();
      if (o.scope !== undefined && tokenOf() !== "") headers.Authorization = "Bearer " + tokenOf();
      const started = performance.now();
      const answer = await fetch(url, { method: o.method, headers, body, cache: "no-store", credentials: "omit" });
      show(answer, await answer.text(), performance.now() - started);
    } catch (error) {
      line.replaceChildren(el("b.bad", "No answer: "), error.message);
    }
    busy = false;
  };

  const form = el("form",
    el("section", { "aria-label": "Request" },
      group("Path", true), group("Query", true),
      area && [el("h3", el("label", { for: area.id }, "Body ", small(o.type))), area, ...members(o.body.schema, true)],
      o.entry && [el("p", "Each entry:"), ...members(o.entry, true)], group("Header")),
    el("section.run", { "aria-label": "Try it" },
      el("div.row", el("h3", "curl"), copier("curl line", curl)), curl,
      el("div.row", el("button", { type: "submit" }, "Send"), line), reply),
    el("section.answers", { "aria-label": "Answers" }, el("h3", "Answers"), Object.entries(o.responses).map(answerOf)));
  form.addEventListener("input", write);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  o.fill = () => {
    for (const { p, input } of inputs) {
      if (p.in === "path") input.value ||= known[p.name === "id" ? noun(o.tag) : p.name.replace("Id", "")] ?? "";
    }
    write();
  };
  return form;
};

const operation = (path, method) => {
  const own = api.paths[path][method];
  const [type, body] = Object.entries(own.requestBody?.content ?? {})[0] ?? [];
  const collection = path.endsWith("/batch") && api.paths[path.slice(0, -6)].post;
  const o = {
    id: own.operationId, method: method.toUpperCase(), path, tag: own.tags[0], responses: own.responses, type, body,
    scope: own.security && Object.values(own.security[0]).flat().join(" "), // undefined if open
    parameters: (own.parameters ?? []).map(at),
    entry: collection && collection.requestBody.content[type].schema,
  };
  const parts = () => [el("span.badge." + o.method, o.method), el("code", path.split(/(?=\/)/).flatMap((step) => [el("wbr"), step]))];
  o.link = el("a", { href: "#" + o.id }, parts());
  o.node = el("details.op", { id: o.id }, el("summary", parts(), el("span", own.summary),
    small(o.scope === undefined ? "open" : o.scope === "" ? "any token" : code(o.scope))));
  o.open = () => {
    if (!o.fill) o.node.append(build(o));
    o.fill();
    o.node.open = true;
  };
  o.node.addEventListener("toggle", () => o.node.open && o.open());
  return o;
};
const start = async () => {
  api = await (await fetch("openapi.json")).json();
  const all = Object.entries(api.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => operation(path, method)));
  const tags = Object.entries(Object.groupBy(all, ({ tag }) => tag));
  const list = (pick) => tags.map(([tag, some]) => el("section", el("h2", tag), some.map(pick)));
  $("menu").append(...list(({ link }) => link));
  $("operations").replaceChildren(el("p", api.info.summary + " · " + api.info.version), ...list(({ node }) => node));
  const go = () => {
    const found = all.find(({ id }) => id === location.hash.slice(1));
    if (!found) return;
    fold();
    found.open();
    found.node.scrollIntoView();
    found.node.firstChild.focus({ preventScroll: true });
  };
  addEventListener("hashchange", go);
  go();
};
start().catch((error) => $("operations").replaceChildren(el("p.bad", { role: "alert" }, "openapi.json can't be read: " + error.message)));
`;
