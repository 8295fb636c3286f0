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
    const cost = await measure(each.run);
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
          "Parallel calls are one trip; one list in 50 needs a second trip. * A failed write reports no",
          "units, here as on AWS: 1 a write, or 2 an item of a transaction, are added, as AWS documents.",
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
