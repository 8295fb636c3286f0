import * as SignedToken from "@stockwire/core/store/signed-token";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { type Context, CURSOR_SECRET, SHARDS } from "../context.ts";
import { type Cost, meter } from "../meter.ts";
import { type Report, verdict } from "../report.ts";
import { type Case, unitCases } from "./unit-cases.ts";

/** The capacity units of each operation, as the engine reports them. */
export async function units(context: Context): Promise<Report> {
  const { client, tableName } = await context.newTables("units");
  DynamoDB.configure({ client, tableName, shards: SHARDS });
  SignedToken.configure(CURSOR_SECRET);
  const measure = meter(client);
  const costs: { name: string; cost: Cost }[] = [];
  const rows: string[][] = [];
  for (const each of await unitCases()) {
    const rounds: Cost[] = [];
    for (let n = 0; n < (each.rounds ?? 1); n++) rounds.push(await measure(() => each.run(n)));
    const cost = middle(rounds);
    costs.push({ name: each.name, cost });
    rows.push(rowOf(each, cost));
  }
  client.close();
  return {
    tables: [
      {
        title:
          "units: DynamoDB's units and round trips by ReturnConsumedCapacity, records under 1 KB",
        head: ["", "reads", "writes", "calls", "trips", "goal", ""],
        rows,
        notes: [
          "Parallel calls are one trip; one list in 50 needs a second trip. A list is the median of lists",
          "of 21 to 29. * A failed write reports no units, here as on AWS: 1 a write, or 2 an item of a",
          "transaction, are added, as AWS documents.",
        ],
      },
    ],
    raw: costs,
  };
}

/** Returns the cost with the median number of trips. */
function middle(rounds: readonly Cost[]): Cost {
  const sorted = rounds.toSorted((a, b) => a.trips - b.trips);
  const cost = sorted[Math.floor(sorted.length / 2)];
  if (cost === undefined) throw new Error("a case has no rounds");
  return cost;
}

function rowOf({ name, goal = {} }: Case, cost: Cost): string[] {
  const judged = (["reads", "writes", "trips"] as const).flatMap((part) => {
    const most = goal[part];
    return most === undefined ? [] : [{ text: `${most} ${part[0]}`, met: cost[part] <= most }];
  });
  return [
    name,
    String(cost.reads),
    `${cost.writes}${cost.computed ? "*" : " "}`,
    String(cost.calls),
    String(cost.trips),
    judged.map(({ text }) => text).join(", "),
    judged.length === 0 ? "" : verdict(judged.every(({ met }) => met)),
  ];
}
