/** Reads and sends the requests of a file in the format of VS Code's REST Client. */

export interface FileRequest {
  title: string;
  name: string | undefined;
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** The requests of a file, with their variables unreplaced, and the variables that it sets itself. */
export function readRequests(text: string): {
  requests: FileRequest[];
  variables: Map<string, string>;
} {
  const [head = "", ...parts] = text.split(/^### /m);
  const variables = new Map(
    [...head.matchAll(/^@(\w+) = (.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
  return { requests: parts.map(readRequest), variables };
}

function readRequest(part: string): FileRequest {
  const [top = "", ...rest] = part.split("\n\n");
  const [title = "", ...lines] = top.split("\n");
  const [line = "", ...headers] = lines.filter((each) => !/^(?:#|$)/.test(each));
  const [method = "", url = ""] = line.split(" ");
  const body = rest.join("\n\n").trim();
  return {
    title,
    name: /^# @name (\w+)$/m.exec(top)?.[1],
    method,
    url,
    headers: Object.fromEntries(
      headers.map((each) => {
        const colon = each.indexOf(":");
        return [each.slice(0, colon), each.slice(colon + 1).trim()];
      }),
    ),
    body: body === "" ? undefined : body,
  };
}

/** Replaces `{{name}}` and `{{request.response.body.$.path[0].member}}`. Throws if one is unknown. */
export function replaced(
  text: string,
  variables: ReadonlyMap<string, string>,
  answers: ReadonlyMap<string, unknown>,
): string {
  return text.replaceAll(/\{\{([^}]+)\}\}/g, (_, expression: string) => {
    const [, name = "", path = ""] = /^(\w+)\.response\.body\.\$\.(.+)$/.exec(expression) ?? [];
    const value =
      name === ""
        ? variables.get(expression)
        : path
            .split(/[.[\]]+/)
            .filter((step) => step !== "")
            .reduce<unknown>(
              (from, step) => (from as Record<string, unknown> | undefined)?.[step],
              answers.get(name),
            );
    if (typeof value !== "string") throw new Error(`{{${expression}}} has no value`);
    return value;
  });
}
