/** What the gateway adds to a request, beside calling the handler directly. */

import { startChild } from "../child.ts";
import type { Context } from "../context.ts";
import { atMost, fixed, median, type Report } from "../report.ts";
import { laptopEnvironment } from "./http.ts";
import type { Share, ShareTask } from "./share-process.ts";

const FULL = { count: 4_000, warmUp: 1_500 };
const SMOKE: typeof FULL = { count: 5, warmUp: 1 };
const GOAL = 0.3; // ms

export async function share(context: Context): Promise<Report> {
  const sizes = context.smoke ? SMOKE : FULL;
  const child = startChild("http/share-process.ts", laptopEnvironment(context));
  try {
    const path = `/items/${context.items.stockwire[0]}`;
    return reportOf(await child.call<Share>("measure", { path, ...sizes } satisfies ShareTask));
  } finally {
    await child.stop();
  }
}

function reportOf(times: Share): Report {
  const http = median(times.through) - median(times.direct);
  const partner = median(times.partner) - median(times.partnerDirect);
  return {
    tables: [
      {
        title: "share: GET /items/{id}, one at a time, ms at the median",
        head: ["", "ms", "goal", ""],
        rows: [
          ["through the HTTP API", fixed(median(times.through))],
          ["the handler called directly", fixed(median(times.direct))],
          ["the HTTP API's share", fixed(http), ...atMost(http, GOAL)],
          ["through the Partner API", fixed(median(times.partner))],
          ["the handler called directly", fixed(median(times.partnerDirect))],
          ["the Partner API's share", fixed(partner), ...atMost(partner, GOAL)],
          ["server and socket of both shares", fixed(median(times.bare))],
        ],
        notes: [
          `The five take turns, ${times.bare.length} times after as many as V8 needs. Each share contains the server and`,
          "the socket: the last row is a server that sends as many bytes without any API.",
        ],
      },
    ],
    raw: times,
  };
}
