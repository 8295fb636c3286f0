import { useSignal } from "@preact/signals";
import type { ChannelMessage } from "@stockwire/client/live";
import { useEffect, useRef } from "preact/hooks";
import { type Connection, connectionId } from "../connection.ts";
import { clock, short } from "../format.ts";
import { tried, wordsOf } from "../notice.ts";
import { may } from "../session.ts";
import { Action } from "../ui/action.tsx";
import { Gate } from "../ui/gate.tsx";

const KEPT = 200;
const LOBBY = "lobby";

export const ChannelsPage = () => (
  <Gate needs={[]}>{(connection) => <Channels connection={connection} />}</Gate>
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
    const offs = [
      live.on("message", (message) => {
        messages.value = [...messages.value, message].slice(-KEPT);
      }),
      live.on("error", (error) => (refused.value = wordsOf(error))),
    ];
    return () => {
      for (const off of offs) off();
      for (const one of joined.peek()) if (one !== LOBBY) live.leave(one).catch(() => undefined);
    };
  }, [live]);

  const shown = messages.value.filter((message) => message.channel === channel.value);
  useEffect(() => list.current?.scrollTo({ top: list.current.scrollHeight }), [shown.length]);

  const join = async () => {
    const name = wanted.value.trim();
    if (
      (await tried(
        `Join ${name}`,
        live.join(name).then(() => true),
      )) === undefined
    )
      return;
    joined.value = [...new Set([...joined.value, name])];
    channel.value = name;
    wanted.value = "";
  };
  const leave = async () => {
    const name = channel.value;
    await tried(`Leave ${name}`, live.leave(name));
    joined.value = joined.value.filter((one) => one !== name);
    channel.value = LOBBY;
  };
  const send = () => {
    if (text.value.trim() === "") return;
    refused.value = undefined;
    live.send(text.value, channel.value).catch((error: unknown) => {
      refused.value = wordsOf(error);
    });
    text.value = "";
  };

  return (
    <>
      <div class="bar">
        <div class="group" role="group" aria-label="Joined channels">
          {joined.value.map((name) => (
            <Action
              key={name}
              pressed={channel.value === name}
              onPress={() => (channel.value = name)}
            >
              #{name}
            </Action>
          ))}
        </div>
        {channel.value !== LOBBY && (
          <Action onPress={() => void leave()}>Leave #{channel.value}</Action>
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
          <Action type="submit">Join</Action>
        </form>
      </div>
      <div class="panel chat">
        <div
          ref={list}
          class="said-so-far"
          role="log"
          aria-label={`Messages in ${channel.value}`}
          tabIndex={0}
        >
          {shown.map((message, at) => (
            <div
              key={`${message.at}-${at}`}
              class={message.from === connectionId.value ? "own" : "other"}
            >
              <p class="faint">
                <b>{message.sub}</b> <code>{short(message.from)}</code>{" "}
                <time class="num" dateTime={message.at}>
                  {clock(message.at)}
                </time>
              </p>
              <p class="said">{message.message}</p>
            </div>
          ))}
        </div>
        {shown.length === 0 && (
          <p class="faint chat-empty">Open this page in a second window, and say something.</p>
        )}
        <div role="alert">
          {refused.value && <p class="problem chat-problem">{refused.value}</p>}
        </div>
        <form
          class="say"
          onSubmit={(event) => {
            event.preventDefault();
            send();
          }}
        >
          <input
            aria-label={`Message to ${channel.value}`}
            placeholder="Say something"
            maxLength={4096}
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
          <Action type="submit" primary off={!may("publish:channels")}>
            Send
          </Action>
        </form>
      </div>
    </>
  );
}
