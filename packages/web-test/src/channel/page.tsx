/** The channels page: joins channels, sends messages and shows those that arrive. */

import { useSignal } from "@preact/signals";
import type { ChannelMessage } from "@stockwire/client/live";
import { useEffect, useRef } from "preact/hooks";
import { type Connection, connectionId } from "../connection.ts";
import { clock, short } from "../format.ts";
import { notifyOutcome, errorText } from "../notice.tsx";
import { hasScope } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { RequireScopes } from "../ui/require-scopes.tsx";

const KEPT = 200; // messages
const LOBBY = "lobby";

export const ChannelsPage = () => (
  <RequireScopes scopes={[]}>{(connection) => <Channels connection={connection} />}</RequireScopes>
);

function Channels({ connection: { live } }: { connection: Connection }) {
  const channel = useSignal(LOBBY);
  const joined = useSignal<readonly string[]>([LOBBY]);
  const wanted = useSignal("");
  const messages = useSignal<readonly ChannelMessage[]>([]);
  const text = useSignal("");
  const refused = useSignal<string>();
  const list = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const unsubscribers = [
      live.on("message", (message) => {
        messages.value = [...messages.value, message].slice(-KEPT);
      }),
      live.on("error", (error) => (refused.value = errorText(error))),
    ];
    return () => {
      for (const unsubscribe of unsubscribers) unsubscribe();
      for (const name of joined.peek()) if (name !== LOBBY) live.leave(name).catch(() => undefined);
    };
  }, [live]);

  const shown = messages.value.filter((message) => message.channel === channel.value);
  useEffect(() => list.current?.scrollTo({ top: list.current.scrollHeight }), [shown.length]);

  const join = async () => {
    const name = wanted.value.trim();
    const work = live.join(name).then(() => true);
    if (!(await notifyOutcome(`Join ${name}`, work))) return;
    joined.value = [...new Set([...joined.value, name])];
    channel.value = name;
    wanted.value = "";
  };
  const leave = async () => {
    const name = channel.value;
    await notifyOutcome(`Leave ${name}`, live.leave(name));
    joined.value = joined.value.filter((other) => other !== name);
    channel.value = LOBBY;
  };
  const send = () => {
    if (text.value.trim() === "") return;
    refused.value = undefined;
    live.send(text.value, channel.value).catch((error: unknown) => {
      refused.value = errorText(error);
    });
    text.value = "";
  };

  return (
    <>
      <div class="bar">
        <div class="group" role="group" aria-label="Joined channels">
          {joined.value.map((name) => (
            <Button
              key={name}
              pressed={channel.value === name}
              onClick={() => (channel.value = name)}
            >
              #{name}
            </Button>
          ))}
        </div>
        {channel.value !== LOBBY && (
          <Button onClick={() => void leave()}>Leave #{channel.value}</Button>
        )}
        <form
          class="pick"
          onSubmit={(event) => {
            event.preventDefault();
            void join();
          }}
        >
          <input
            aria-label="Channel to join"
            placeholder="another-channel"
            value={wanted.value}
            onInput={(event) => (wanted.value = event.currentTarget.value)}
          />
          <Button type="submit">Join</Button>
        </form>
      </div>
      <div class="panel chat">
        <div
          ref={list}
          class="messages"
          role="log"
          aria-label={`Messages in ${channel.value}`}
          tabIndex={0}
        >
          {shown.map((message, index) => (
            <div
              key={`${message.at}-${index}`}
              class={message.from === connectionId.value ? "own" : "other"}
            >
              <p class="faint">
                <b>{message.sub}</b> <code>{short(message.from)}</code>{" "}
                <time class="num" dateTime={message.at}>
                  {clock(message.at)}
                </time>
              </p>
              <p class="message-text">{message.message}</p>
            </div>
          ))}
        </div>
        {shown.length === 0 && (
          <p class="faint chat-empty">Open this page in a second window and send a message.</p>
        )}
        <div role="alert">
          {refused.value && <p class="problem chat-problem">{refused.value}</p>}
        </div>
        <form
          class="message-form"
          onSubmit={(event) => {
            event.preventDefault();
            send();
          }}
        >
          <input
            aria-label={`Message to ${channel.value}`}
            placeholder="Write a message"
            maxLength={4096}
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
          <Button type="submit" primary disabled={!hasScope("publish:channels")}>
            Send
          </Button>
        </form>
      </div>
    </>
  );
}
