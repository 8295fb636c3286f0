/** Reads server-sent events as browsers do: https://html.spec.whatwg.org/multipage/server-sent-events.html */

export interface StreamEvent {
  name: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read any data
  data: any;
}

/** A reader of one stream, which may be cut anywhere. */
export interface EventReader {
  /** Takes the next text, and returns the events that it completes. */
  push(text: string): StreamEvent[];
  /** The id to resume from; an incomplete block does not change it. */
  lastEventId: string | undefined;
  comments: number;
  retry: number | undefined;
}

export function createEventReader(lastEventId?: string): EventReader {
  let rest = "";
  const reader: EventReader = {
    lastEventId,
    comments: 0,
    retry: undefined,
    push(text) {
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop() ?? "";
      return blocks.flatMap((block) => {
        const fields = new Map<string, string>();
        for (const line of block.split("\n")) {
          if (line.startsWith(":")) reader.comments++;
          const [, name = "", value = ""] = /^(\w+): ?(.*)$/.exec(line) ?? [];
          if (name !== "") fields.set(name, value);
        }
        reader.lastEventId = fields.get("id") ?? reader.lastEventId;
        if (fields.has("retry")) reader.retry = Number(fields.get("retry"));
        const data = fields.get("data");
        if (data === undefined) return [];
        return [{ name: fields.get("event") ?? "message", data: JSON.parse(data) as unknown }];
      });
    },
  };
  return reader;
}
