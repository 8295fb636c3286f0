/** All defects, by the package that they harm. Each one stands for a promise of docs/contract.md. */

import type { Defect } from "./defect.ts";
import { client } from "./list/client.ts";
import { core } from "./list/core.ts";
import { functions } from "./list/functions.ts";
import { gateway } from "./list/gateway.ts";
import { infra } from "./list/infra.ts";
import { local } from "./list/local.ts";
import { rest } from "./list/rest.ts";

export const defects: readonly Defect[] = [
  ...core,
  ...functions,
  ...gateway,
  ...rest,
  ...client,
  ...local,
  ...infra,
];
