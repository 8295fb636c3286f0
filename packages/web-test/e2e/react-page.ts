/** A page of another project: one product's stock, with the hooks of the client. */

import { createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import {
  createStockwire,
  StockwireProvider,
  useConnection,
  useMutation,
  useRecord,
} from "@stockwire/client/react";

const given = new URLSearchParams(location.hash.slice(1));
const id = given.get("product") ?? "";
const stockwire = createStockwire({
  baseUrl: given.get("api") ?? "",
  token: given.get("token") ?? "",
});

/** All values that were shown, so that a test sees one that was shown for a moment. */
const shown: number[] = [];
Object.assign(globalThis, { shown });

function Stock() {
  const connection = useConnection();
  const { record } = useRecord("inventory", id);
  const { mutate, error } = useMutation({
    request: (client, delta: number) =>
      client.inventory[":productId"].adjustments.$post({
        param: { productId: id },
        json: { delta, reason: "sold" },
      }),
    optimistic: (delta) => ({
      feed: "inventory",
      id,
      apply: (level) => ({ ...level, available: level.available + delta }),
    }),
  });
  if (record && shown.at(-1) !== record.available) shown.push(record.available);
  const sell = (units: number) =>
    createElement("button", { onClick: () => mutate(-units) }, `Sell ${units}`);
  return createElement(
    "main",
    null,
    createElement("output", null, record?.available),
    createElement("p", null, `${connection} ${error?.message ?? ""}`),
    sell(1),
    sell(100),
  );
}

createRoot(document.body.appendChild(document.createElement("div"))).render(
  createElement(
    StrictMode,
    null,
    createElement(StockwireProvider, { value: stockwire }, createElement(Stock)),
  ),
);
