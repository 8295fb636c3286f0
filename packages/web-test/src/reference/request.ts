/** The inside of one operation: fields, the curl line, the response, and what may be answered. */

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
  byId,
  code,
  copyButton,
  el,
  marked,
  pane,
  problemLink,
  small,
} from "./dom.ts";
import { example as exampleOf, knownId, rememberIds } from "./example.ts";
import { memberList, summary } from "./schema.ts";

export const tokenField = () => byId("input", "token");

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

interface RequestParts {
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** Encodes the fields that are filled in. */
function requestOf(
  { path, body }: Operation,
  fields: readonly Field[],
  text: string | undefined,
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
  return { url: BASE + filled + search, headers, body: text };
}

const shellQuoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

function curlOf({ method, scope }: Operation, { url, headers, body }: RequestParts): string {
  return [
    `curl -i ${method === "GET" ? "" : `-X ${method} `}${shellQuoted(url)}`,
    scope !== undefined && '-H "Authorization: Bearer $TOKEN"',
    ...Object.entries(headers).map((header) => `-H ${shellQuoted(header.join(": "))}`),
    body !== undefined && `--data-raw ${shellQuoted(body)}`,
  ]
    .filter(Boolean)
    .join(" \\\n  ");
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

/** Builds the form of an operation. `refresh` fills in known ids and writes the curl line. */
export function requestForm(operation: Operation): { form: HTMLFormElement; refresh: () => void } {
  const { method, scope, body, entry } = operation;
  const fields = operation.parameters.map(fieldOf);
  const area = body && el("textarea", { id: `body-${operation.id}`, spellcheck: "false" });
  if (area) {
    area.value = JSON.stringify(exampleOf(body.schema, operation), null, 2);
    area.rows = area.value.split("\n").length;
  }
  const curl = pane("curl line");
  const status = el("span", { role: "status" }, small("Not sent yet"));
  const reply = el("div", { class: "reply" });

  const request = () => requestOf(operation, fields, area?.value);
  const writeCurl = () => (curl.textContent = curlOf(operation, request()));
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
  const send = async () => {
    const { url, headers, body: text } = request();
    const token = tokenField().value.trim();
    if (scope !== undefined && token !== "") headers["Authorization"] = `Bearer ${token}`;
    const started = performance.now();
    const response = await fetch(url, {
      method,
      headers,
      ...(text !== undefined && { body: text }),
      cache: "no-store",
      credentials: "omit",
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
      el("div", { class: "row" }, el("h3", {}, "curl"), copyButton("curl line", curl)),
      curl,
      el("div", { class: "row" }, el("button", { type: "submit" }, "Send"), status),
      reply,
    ),
    el(
      "section",
      { class: "answers", "aria-label": "Answers" },
      el("h3", {}, "Answers"),
      Object.entries(operation.responses).map(documentedAnswer),
    ),
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
    },
  };
}
