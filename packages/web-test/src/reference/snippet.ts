/** A request as code that can be pasted: curl, TypeScript and Python, each without a package. */

export interface RequestParts {
  method: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string | undefined;
  /** Whether the code sends the token, which it takes from the environment variable TOKEN. */
  needsToken: boolean;
}

const shellQuoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const quoted = (text: string) => JSON.stringify(text);

function curl({ method, url, headers, body, needsToken }: RequestParts): string {
  return [
    `curl -iN ${method === "GET" ? "" : `-X ${method} `}${shellQuoted(url)}`,
    needsToken && '-H "Authorization: Bearer $TOKEN"',
    ...Object.entries(headers).map((header) => `-H ${shellQuoted(header.join(": "))}`),
    body !== undefined && `--data-raw ${shellQuoted(body)}`,
  ]
    .filter(Boolean)
    .join(" \\\n  ");
}

/** Header lines of an object, in TypeScript and in Python alike. */
const headerLines = (
  { headers, needsToken }: RequestParts,
  authorization: string,
  indent: string,
): string =>
  [
    ...(needsToken ? [`"Authorization": ${authorization}`] : []),
    ...Object.entries(headers).map((header) => header.map(quoted).join(": ")),
  ]
    .map((line) => `\n${indent}${line},`)
    .join("");

function typescript(parts: RequestParts): string {
  const { method, url, body } = parts;
  const headers = headerLines(parts, "`Bearer ${process.env.TOKEN}`", "    ");
  return `const response = await fetch(${quoted(url)}, {
  method: ${quoted(method)},${headers && `\n  headers: {${headers}\n  },`}${
    body === undefined ? "" : `\n  body: ${quoted(body)},`
  }
});
console.log(response.status, await response.text());`;
}

function python(parts: RequestParts): string {
  const { method, url, body } = parts;
  const headers = headerLines(parts, '"Bearer " + os.environ["TOKEN"]', "        ");
  return `import os, urllib.request

request = urllib.request.Request(
    ${quoted(url)},
    method=${quoted(method)},${headers && `\n    headers={${headers}\n    },`}${
      body === undefined ? "" : `\n    data=${quoted(body)}.encode(),`
    }
)
with urllib.request.urlopen(request) as response:
    print(response.status, response.read().decode())`;
}

export const languages = { curl, TypeScript: typescript, Python: python } as const;
export type Language = keyof typeof languages;
export const isLanguage = (name: string): name is Language => Object.hasOwn(languages, name);
