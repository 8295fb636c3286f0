import { useSignal } from "@preact/signals";
import type { Connection } from "../connection.ts";
import { FEEDS, RESOURCES } from "../catalog.ts";
import { errorText, notify } from "../notice.tsx";
import { hasScope } from "../session.ts";
import { Button } from "../ui/button.tsx";

/** Reads each list and subscribes to each feed, and shows how the server answers the token. */
export function AccessCheck({ connection: { http, live } }: { connection: Connection }) {
  const results = useSignal<Readonly<Record<string, string>>>({});
  const setResult = (name: string, text: string) =>
    (results.value = { ...results.value, [name]: text });

  const checkAll = async () => {
    for (const feed of FEEDS) {
      const { status } = await http[feed].$get({ query: { limit: "1" } });
      setResult(`read ${feed}`, String(status));
      const { ready, close } = live.subscribe(feed, { event: () => undefined });
      const outcome = await ready.then(
        () => "subscribed",
        (error: { code?: string }) => error.code ?? "refused",
      );
      setResult(`subscribe ${feed}`, outcome);
      close();
    }
  };

  return (
    <>
      <p class="faint">
        If a scope is missing, the gateway answers 403, and the Live API sends a{" "}
        <code>forbidden_topic</code> frame and leaves the connection open.
      </p>
      <table class="access">
        <thead>
          <tr>
            <th scope="col">Feed</th>
            <th scope="col">Needs</th>
            <th scope="col">Read</th>
            <th scope="col">Subscribe</th>
          </tr>
        </thead>
        <tbody>
          {FEEDS.map((feed) => (
            <tr key={feed}>
              <th scope="row">{feed}</th>
              <td>
                <span aria-hidden="true">{hasScope(RESOURCES[feed].readScope) ? "✓" : "–"}</span>{" "}
                <code>{RESOURCES[feed].readScope}</code>
              </td>
              <td class="num">{results.value[`read ${feed}`] ?? "·"}</td>
              <td>{results.value[`subscribe ${feed}`] ?? "·"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Button
        onClick={() =>
          void checkAll().catch((error: unknown) => notify("refused", errorText(error)))
        }
      >
        Check each
      </Button>
    </>
  );
}
