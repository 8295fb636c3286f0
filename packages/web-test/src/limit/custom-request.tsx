import { useSignal } from "@preact/signals";
import { target, validToken } from "../session.ts";
import { Field } from "../ui/field.tsx";
import { RequestCard } from "./request-card.tsx";
import { sendFrame, sendRequest } from "./response.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** A form for any HTTP request, sent with the session's token. */
export function CustomRequest() {
  const [method, path, body] = [useSignal("GET"), useSignal("/me"), useSignal("")];
  const run = async () => {
    const text = method.value === "GET" || body.value === "" ? undefined : body.value;
    return sendRequest(target.api, await validToken(), method.value, path.value, text);
  };
  return (
    <RequestCard title="Custom request" verb="Send the request" run={run}>
      <Field
        label="Method"
        options={METHODS}
        value={method.value}
        onInput={(value) => (method.value = value)}
      />
      <Field label="Path" value={path.value} onInput={(value) => (path.value = value)} />
      <Field label="Body" lines={3} value={body.value} onInput={(value) => (body.value = value)} />
    </RequestCard>
  );
}

/** A form for any frame, sent on a new connection. */
export function CustomFrame() {
  const frame = useSignal('{ "action": "hello" }');
  const run = async () => sendFrame(target.live, await validToken(), frame.value);
  return (
    <RequestCard title="Custom frame" verb="Send the frame" run={run}>
      <Field
        label="Frame"
        lines={3}
        value={frame.value}
        onInput={(value) => (frame.value = value)}
      />
    </RequestCard>
  );
}
