import * as SignedToken from "@stockwire/core/store/signed-token";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { type Context, SHARDS } from "../context.ts";
import { type Cost, meter } from "../meter.ts";
import type { Report } from "../report.ts";
import { type Case, unitCases } from "./unit-cases.ts";

/** What DynamoDB charges for each operation, as it reports it itself. */
export async function units(context: Context): Promise<Report> {
  const { client, tableName } = await context.newTable("units");
  DynamoDB.configure({ client, tableName, shards: SHARDS });
  SignedToken.configure("a secret of the benchmark, long enough for one");
  const measure = meter(client);
  const costs: { name: string; cost: Cost }[] = [];
  const rows: string[][] = [];
  for (const each of await unitCases()) {
    const cost = await measure(each.run);
    costs.push({ name: each.name, cost });
    rows.push(rowOf(each, cost));
  }
  client.destroy();
  return {
    tables: [
      {
        title:
          "units: DynamoDB's units and round trips by ReturnConsumedCapacity, records under 1 KB",
        head: ["", "reads", "writes", "calls", "trips", "goal", ""],
        rows,
        notes: [
          "Calls at the same time are one trip; one list in 50 needs a second. * A refused write reports no units, here as on AWS:",
          "1 for each, 2 for each item of a transaction, are added as AWS documents them.",
        ],
      },
    ],
    raw: costs,
  };
}

function rowOf({ name, goal = {} }: Case, cost: Cost): string[] {
  const judged = (["reads", "writes", "trips"] as const).flatMap((part) => {
    const most = goal[part];
    return most === undefined ? [] : [{ text: `${most} ${part[0]}`, met: cost[part] <= most }];
  });
  const verdict = judged.every(({ met }) => met) ? "met" : "not met";
  return [
    name,
    String(cost.reads),
    `${cost.writes}${cost.computed ? "*" : " "}`,
    String(cost.calls),
    String(cost.trips),
    judged.map(({ text }) => text).join(", "),
    judged.length === 0 ? "" : verdict,
  ];
}
