/** The inside of one operation: fields, the request as code, the response, and what may be answered. */

import {
  isProblemCode,
  type Operation,
  type Parameter,
  resolve,
  type ResponseObject,
} from "./document.ts";
import {
  appendHighlighted,
  bad,
  code,
  copyButton,
  el,
  marked,
  pane,
  problemLink,
  small,
} from "./dom.ts";
import { example as exampleOf, knownId, rememberIds } from "./example.ts";
import { keep, kept } from "./kept.ts";
import { memberList, summary } from "./schema.ts";
import { isLanguage, type Language, languages, type RequestParts } from "./snippet.ts";
import { isStream, showStream } from "./stream.ts";
import { isOnThisMachine, tokenField } from "./token.ts";

const BASE = new URL(".", location.href).href.slice(0, -1);
const HIGHLIGHTED = 100_000; // characters; colouring more makes the page slow

type Input = HTMLInputElement | HTMLSelectElement;

interface Field {
  parameter: Parameter;
  input: Input;
}

let lastField = 0;

function fieldOf(parameter: Parameter): Field & { node: HTMLElement } {
  const { name, description, required, schema, example } = parameter;
  const s = resolve(schema);
  const id = `field${++lastField}`;
  const about = `${id}-about`;
  const options =
    s.enum ?? (s.const === undefined ? s.type === "boolean" && [true, false] : [s.const]);
  const shared = { id, required, "aria-describedby": about };
  const input = options
    ? el(
        "select",
        shared,
        el("option"),
        options.map((value) => el("option", {}, String(value))),
      )
    : el("input", { ...shared, autocomplete: "off", spellcheck: "false" });
  const notes = small(
    ...marked(description && `${description} · `),
    summary(s),
    example !== undefined && ` · such as ${String(example)}`,
    required && bad(" required"),
  );
  notes.id = about;
  const label = el("label", { for: id }, code(name));
  return { parameter, input, node: el("div", { class: "field" }, label, " ", notes, input) };
}

/** Encodes the fields that are filled in. */
function requestOf(
  { method, path, body, scope }: Operation,
  fields: readonly Field[],
  text: string | undefined,
  base: string,
): RequestParts {
  let filled = path;
  const query: string[] = [];
  const headers: Record<string, string> = body ? { "Content-Type": body.type } : {};
  for (const { parameter, input } of fields) {
    const { name } = parameter;
    const { value } = input;
    if (value === "") continue;
    const encoded = encodeURIComponent(value);
    if (parameter.in === "path") filled = filled.replace(`{${name}}`, () => encoded);
    else if (parameter.in === "query") query.push(`${name}=${encoded}`);
    else headers[name] = value;
  }
  const search = query.length > 0 ? `?${query.join("&")}` : "";
  const url = base + filled + search;
  return { method, url, headers, body: text, needsToken: scope !== undefined };
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Headers and body of a response; the code of a problem links to what it means. */
function responseView(response: Response, text: string, json: unknown): HTMLElement[] {
  const pre = pane("Body");
  if (json === undefined || text.length > HIGHLIGHTED) pre.append(text);
  else appendHighlighted(pre, JSON.stringify(json, null, 2));
  const { code: problem } = (json ?? {}) as { code?: string };
  const body = el("div", { class: "row" }, el("h3", {}, "Body"), copyButton("body", pre));
  return [
    el(
      "dl",
      {},
      [...response.headers].flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
    ),
    ...(problem ? [el("p", {}, "What it means: ", problemLink(problem))] : []),
    ...(text === "" ? [] : [body, pre]),
  ];
}

function examplePane(status: string, example: unknown): HTMLPreElement {
  const pre = pane(`Example of ${status}`);
  appendHighlighted(pre, JSON.stringify(example, null, 2));
  return pre;
}

function documentedAnswer([status, documented]: [string, ResponseObject]): HTMLElement {
  const { description, headers = {}, content = {} } = resolve(documented);
  if (Number(status) >= 400) {
    const codes = description
      .split(", ")
      .flatMap((name, index) => [
        index > 0 ? ", " : " ",
        isProblemCode(name) ? problemLink(name) : name,
      ]);
    return el("p", {}, bad(status), codes);
  }
  const [type, { schema } = {}] = Object.entries(content)[0] ?? ["no body"];
  const [shown] = (schema && resolve(schema).examples) ?? [];
  return el(
    "details",
    {},
    el("summary", {}, el("b", { class: "good" }, status), " ", description),
    small([type, ...Object.keys(headers)].join(", ")),
    schema && memberList(schema, false),
    shown !== undefined && examplePane(status, shown),
  );
}

/** The language of all code, which the user chose last. */
const chosen = kept("language");
let language: Language = isLanguage(chosen) ? chosen : "curl";

/** The select of the language, and the code. `write` shows the code of a request. */
function codeView(): { nodes: HTMLElement[]; write: (request: RequestParts) => void } {
  const pre = pane("Request as code");
  const select = el(
    "select",
    { "aria-label": "Language" },
    Object.keys(languages).map((name) => el("option", {}, name)),
  );
  let latest: RequestParts | undefined;
  const show = () => {
    select.value = language;
    if (latest) pre.textContent = languages[language](latest);
  };
  select.addEventListener("input", () => {
    if (isLanguage(select.value)) language = select.value;
    keep("language", language);
    show();
  });
  const nodes = [el("div", { class: "row" }, select, copyButton("code", pre)), pre];
  return {
    nodes,
    write(request) {
      latest = request;
      show();
    },
  };
}

/** Builds the form of an operation. `refresh` fills in known ids and writes the code. */
export function requestForm(operation: Operation): { form: HTMLFormElement; refresh: () => void } {
  const { method, body, entry } = operation;
  const fields = operation.parameters.map(fieldOf);
  const area = body && el("textarea", { id: `body-${operation.id}`, spellcheck: "false" });
  if (area) {
    area.value = JSON.stringify(exampleOf(body.schema, operation), null, 2);
    area.rows = area.value.split("\n").length;
  }
  const view = codeView();
  const status = el("span", { role: "status" }, small("Not sent yet"));
  const reply = el("div", { class: "reply" });

  let base = BASE;
  const request = () => requestOf(operation, fields, area?.value, base);
  const writeCode = () => view.write(request());
  const show = (response: Response, text: string, ms: number) => {
    const line = `${response.status} ${response.statusText}`;
    const size = new Blob([text]).size;
    status.replaceChildren(
      el("b", { class: response.status < 400 ? "good" : "bad" }, line),
      " ",
      small(`${Math.ceil(ms)} ms · ${size} bytes`),
    );
    const json = parsed(text);
    reply.replaceChildren(...responseView(response, text, json));
    if (response.ok) rememberIds(operation, json);
  };
  const stop = el("button", { type: "button", hidden: true }, "Stop");
  let ending = new AbortController();
  stop.addEventListener("click", () => ending.abort());
  const ask = () => {
    const { url, headers, body: text, needsToken } = request();
    const token = tokenField().value.trim();
    ending = new AbortController();
    return fetch(url, {
      method,
      headers: { ...headers, ...(needsToken && token && { Authorization: `Bearer ${token}` }) },
      ...(text !== undefined && { body: text }),
      cache: "no-store",
      credentials: "omit",
      signal: ending.signal,
    });
  };
  const send = async () => {
    const started = performance.now();
    let response = await ask();
    if (response.status === 406 && base === BASE && isOnThisMachine()) {
      base += "/partner"; // an HTTP API cannot stream; the laptop has its REST API there
      writeCode();
      response = await ask();
    }
    if (isStream(response)) return listen(response);
    show(response, await response.text(), performance.now() - started);
  };
  const listen = async (response: Response) => {
    const pre = pane("Events");
    reply.replaceChildren(pre);
    status.replaceChildren(el("b", { class: "good" }, `${response.status} `), "Receiving events");
    stop.hidden = false;
    try {
      await showStream(response, pre);
      status.textContent = "The stream has ended";
    } catch (error) {
      if (!ending.signal.aborted) throw error;
      status.textContent = "Stopped";
    } finally {
      stop.hidden = true;
    }
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
      status.replaceChildren(bad("No answer: "), (error as Error).message);
    }
    isSending = false;
  };

  const group = (title: string, open: boolean) => {
    const own = fields.filter(({ parameter }) => parameter.in === title.toLowerCase());
    if (own.length === 0) return undefined;
    return el(
      "details",
      { open },
      el("summary", {}, title),
      own.map(({ node }) => node),
    );
  };
  const bodyEditor = area && [
    el("h3", {}, el("label", { for: area.id }, "Body ", small(body.type))),
    area,
    memberList(body.schema, true),
  ];
  const form = el(
    "form",
    {},
    operation.description !== undefined && el("p", {}, ...marked(operation.description)),
    el(
      "section",
      { "aria-label": "Request" },
      group("Path", true),
      group("Query", true),
      bodyEditor,
      entry && [el("p", {}, "Each entry:"), memberList(entry, true)],
      group("Header", false),
    ),
    el(
      "section",
      { class: "run", "aria-label": "Try it" },
      view.nodes,
      el("div", { class: "row" }, el("button", { type: "submit" }, "Send"), stop, status),
      reply,
    ),
    el(
      "section",
      { class: "answers", "aria-label": "Answers" },
      el("h3", {}, "Answers"),
      Object.entries(operation.responses).map(documentedAnswer),
    ),
  );
  form.addEventListener("input", writeCode);
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
      writeCode();
    },
  };
}
