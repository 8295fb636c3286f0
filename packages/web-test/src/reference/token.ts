/** The token's field. On a laptop, one press fills it. */

import { byId, el } from "./dom.ts";
import { keep, kept } from "./kept.ts";

const KEPT = "token";

export const tokenField = () => byId("input", "token");

export const isOnThisMachine = (): boolean =>
  /^(?:localhost|127\..+|\[::1\])$/.test(location.hostname);

/** A token with the scope `admin`. The laptop gives it to pages of its own only. */
async function requestToken(): Promise<string> {
  const response = await fetch("console/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ scopes: ["admin"], sub: "reference", ttl: 3600 }),
  });
  if (!response.ok) throw new Error(`this server gives no tokens (${response.status})`);
  return ((await response.json()) as { token: string }).token;
}

export function startTokenField(): void {
  const field = tokenField();
  const hint = byId("small", "hint");
  const set = (token: string) => {
    field.value = token;
    keep(KEPT, token);
  };
  field.value = kept(KEPT);
  field.addEventListener("input", () => keep(KEPT, field.value.trim()));
  byId("button", "clear").addEventListener("click", () => set(""));
  if (!isOnThisMachine()) return;
  const button = el("button", { type: "button" }, "Get a token");
  const fill = async () => {
    try {
      set(await requestToken());
      byId("div", "announcement").textContent = "Token received";
    } catch (error) {
      byId("small", "kept").textContent = (error as Error).message;
    }
  };
  button.addEventListener("click", () => void fill());
  const port = location.port === "3000" ? "" : `--port ${location.port}`;
  const command = el("code", {}, 'npm run -s token -- --scope "admin" ', el("wbr"), port);
  hint.replaceChildren(button, " with all scopes, or in a terminal:", command);
}
