/** An answer as it came. */
export interface Answer {
  request: string;
  status: string;
  headers: readonly (readonly [string, string])[];
  body: string;
}

const SHOWN = [
  "content-type",
  "retry-after",
  "www-authenticate",
  "x-request-id",
  "etag",
  "date",
] as const;

/** Sends a request as it is: nothing is tried again and nothing is made of the answer. */
export async function ask(
  api: string,
  token: string,
  method: string,
  path: string,
  body?: string,
): Promise<Answer & { code: number }> {
  const response = await fetch(api + path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body !== undefined && { "Content-Type": "application/json" }),
    },
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  const { status: code, statusText, headers } = response;
  return {
    request: `${method} ${path}${body === undefined ? "" : `\n\n${pretty(body)}`}`,
    code,
    status: `${code} ${statusText}`.trim(),
    headers: SHOWN.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value] as const];
    }),
    body: pretty(text),
  };
}

const SETTLED = 700; // ms
const PATIENCE = 8_000; // ms

/** Sends one frame on a connection of its own, and gathers what is said to it. */
export function say(live: string, token: string, frame: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(live, ["stockwire.v1", `bearer.${token}`]);
    const said: string[] = [];
    let timer = setTimeout(() => socket.close(), PATIENCE);
    socket.addEventListener("open", () => socket.send(frame));
    socket.addEventListener("message", ({ data }) => {
      said.push(pretty(String(data)));
      clearTimeout(timer);
      timer = setTimeout(() => socket.close(), SETTLED);
    });
    socket.addEventListener("error", () => reject(new Error("The connection was refused")));
    socket.addEventListener("close", () => {
      clearTimeout(timer);
      const status = `${said.length} ${said.length === 1 ? "frame" : "frames"}`;
      resolve({ request: pretty(frame), status, headers: [], body: said.join("\n\n") });
    });
  });
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
