import { useSignal } from "@preact/signals";
import type { Connection } from "../connection.ts";
import { notify, wordsOf } from "../notice.ts";
import { FEEDS, READ } from "../record/kind.ts";
import { may } from "../session.ts";
import { Action } from "../ui/action.tsx";

/** Asks each list and each feed, and shows what the token is worth there. */
export function Probe({ connection: { http, live } }: { connection: Connection }) {
  const found = useSignal<Readonly<Record<string, string>>>({});
  const tell = (name: string, text: string) => (found.value = { ...found.value, [name]: text });

  const ask = async () => {
    for (const feed of FEEDS) {
      const { status } = await http[feed].$get({ query: { limit: "1" } });
      tell(`read ${feed}`, String(status));
      const { ready, close } = live.subscribe(feed, { event: () => undefined });
      const said = await ready.then(
        () => "subscribed",
        (error: { code?: string }) => error.code ?? "refused",
      );
      tell(`hear ${feed}`, said);
      close();
    }
  };

  return (
    <>
      <p class="faint">
        A scope that is missing is refused by the gateway with 403, and by the Live API with a{" "}
        <code>forbidden_topic</code> frame that leaves the connection open.
      </p>
      <table class="probe">
        <thead>
          <tr>
            <th scope="col">Feed</th>
            <th scope="col">Needs</th>
            <th scope="col">Read</th>
            <th scope="col">Hear</th>
          </tr>
        </thead>
        <tbody>
          {FEEDS.map((feed) => (
            <tr key={feed}>
              <th scope="row">{feed}</th>
              <td>
                <span aria-hidden="true">{may(READ[feed]) ? "✓" : "–"}</span>{" "}
                <code>{READ[feed]}</code>
              </td>
              <td class="num">{found.value[`read ${feed}`] ?? "·"}</td>
              <td>{found.value[`hear ${feed}`] ?? "·"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Action
        onPress={() => void ask().catch((error: unknown) => notify("refused", wordsOf(error)))}
      >
        Try each
      </Action>
    </>
  );
}
