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
  json?: unknown,
): Promise<Answer & { code: number }> {
  const response = await fetch(api + path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(json !== undefined && { "Content-Type": "application/json" }),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  const { status: code, statusText, headers } = response;
  return {
    request: `${method} ${path}${json === undefined ? "" : `\n\n${JSON.stringify(json, null, 2)}`}`,
    code,
    status: `${code} ${statusText}`.trim(),
    headers: SHOWN.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value] as const];
    }),
    body: pretty(text),
  };
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
