/** The three tables, from the description that the laptop uses too. */

import { Changes, Connections, Data, type TableSpec } from "@stockwire/core/store/tables";
import { settingsOf } from "./stage.ts";

const { isProtected } = settingsOf($app.stage);

function table(spec: TableSpec) {
  return new sst.aws.Dynamo(spec.id, {
    fields: Object.fromEntries(spec.fields.map((field) => [field, "string"])),
    primaryIndex: spec.primaryIndex,
    globalIndexes: spec.globalIndexes,
    ...(spec.ttl && { ttl: spec.ttl }),
    ...(spec.stream && { stream: spec.stream }),
    deletionProtection: isProtected,
  });
}

export const data = table(Data);
export const changes = table(Changes);
export const connections = table(Connections);

/** Each table with the names of its indexes. */
export const tables = [
  { table: data, indexes: Object.keys(Data.globalIndexes) },
  { table: changes, indexes: Object.keys(Changes.globalIndexes) },
  { table: connections, indexes: Object.keys(Connections.globalIndexes) },
];
