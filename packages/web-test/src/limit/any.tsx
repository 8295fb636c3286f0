import { useSignal } from "@preact/signals";
import { goodToken } from "../session.ts";
import { target } from "../here.ts";
import { Field } from "../ui/field.tsx";
import { ask, say } from "./answer.ts";
import { Trial } from "./trial.tsx";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Any request, with this page's token. */
export function AnyRequest() {
  const [method, path, body] = [useSignal("GET"), useSignal("/me"), useSignal("")];
  const run = async () => {
    const text = method.value === "GET" || body.value === "" ? undefined : body.value;
    return ask(target.api, await goodToken(), method.value, path.value, text);
  };
  return (
    <Trial title="Any request" verb="Send the request" run={run}>
      <Field
        label="Method"
        options={METHODS}
        value={method.value}
        onInput={(value) => (method.value = value)}
      />
      <Field label="Path" value={path.value} onInput={(value) => (path.value = value)} />
      <Field label="Body" lines={3} value={body.value} onInput={(value) => (body.value = value)} />
    </Trial>
  );
}

/** Any frame, on a connection of its own. */
export function AnyFrame() {
  const frame = useSignal('{ "action": "hello" }');
  const run = async () => say(target.live, await goodToken(), frame.value);
  return (
    <Trial title="Any frame" verb="Send the frame" run={run}>
      <Field
        label="Frame"
        lines={3}
        value={frame.value}
        onInput={(value) => (frame.value = value)}
      />
    </Trial>
  );
}
