import { render } from "preact";
import { App } from "./app.tsx";
import { start } from "./start.ts";

const root = document.querySelector("#app");
if (!root) throw new Error("the page has no #app");
root.replaceChildren();
render(<App />, root);
void start();

// What has changed is drawn anew; the session and its connection stay.
import.meta.hot?.accept("./app.tsx", (next) => {
  const Next = next?.["App"] as typeof App | undefined;
  if (Next) render(<Next />, root);
});
