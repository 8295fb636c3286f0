/** Sends requests and frames without the typed client: no retry, and the answer is kept unchanged. */

export interface RawResponse {
  request: string;
  /** The status code of HTTP; 0 for frames. */
  code: number;
  status: string;
  headers: readonly (readonly [string, string])[];
  body: string;
}

const SHOWN_HEADERS = [
  "content-type",
  "retry-after",
  "www-authenticate",
  "x-request-id",
  "etag",
  "date",
] as const;

/** `apiKey` is a key of the Partner API. The answer does not show token and key. */
export async function sendRequest(
  api: string,
  token: string,
  method: string,
  path: string,
  body?: string,
  apiKey?: string,
): Promise<RawResponse> {
  const response = await fetch(api + path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...(apiKey !== undefined && { "X-Api-Key": apiKey }),
    },
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  const { status, statusText, headers } = response;
  return {
    request: `${method} ${path}${body === undefined ? "" : `\n\n${pretty(body)}`}`,
    code: status,
    status: `${status} ${statusText}`.trim(),
    headers: SHOWN_HEADERS.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value] as const];
    }),
    body: pretty(text),
  };
}

const QUIET = 700; // ms without a frame after which the answer is complete
const TIMEOUT = 8_000; // ms for the first frame

/** Sends one frame on a new connection and collects the frames that follow. */
export function sendFrame(live: string, token: string, frame: string): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(live, ["stockwire.v1", `bearer.${token}`]);
    const received: string[] = [];
    let timer = setTimeout(() => socket.close(), TIMEOUT);
    socket.addEventListener("open", () => socket.send(frame));
    socket.addEventListener("message", ({ data }) => {
      received.push(pretty(String(data)));
      clearTimeout(timer);
      timer = setTimeout(() => socket.close(), QUIET);
    });
    socket.addEventListener("error", () => reject(new Error("The connection was refused")));
    socket.addEventListener("close", () => {
      clearTimeout(timer);
      const status = `${received.length} ${received.length === 1 ? "frame" : "frames"}`;
      const body = received.join("\n\n");
      resolve({ request: pretty(frame), code: 0, status, headers: [], body });
    });
  });
}

/** Indents JSON; any other text stays as it is. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
