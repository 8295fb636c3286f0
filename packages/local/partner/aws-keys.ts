/**
 * API keys of a deployed stage. They belong to the stage's usage plans, which infra calls
 * `stockwire-STAGE-PLAN`; keys in other plans are not touched.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-usage-plans-working-with-cli.html
 */

import {
  APIGatewayClient,
  type ApiKey,
  CreateApiKeyCommand,
  CreateUsagePlanKeyCommand,
  DeleteApiKeyCommand,
  paginateGetApiKeys,
  paginateGetUsage,
  paginateGetUsagePlanKeys,
  paginateGetUsagePlans,
  UpdateApiKeyCommand,
} from "@aws-sdk/client-api-gateway";
import { isPlan, type Plan, plans } from "@stockwire/functions/partner/plan";
import { dayOf, periodStart } from "@stockwire/gateway/rest/usage-plan";
import { LocalError } from "../error.ts";
import { type KeyInfo, type KeyStore, oneOf } from "./key-store.ts";

const DAY = 24 * 60 * 60 * 1000; // ms

/** The keys of a stage. Region, credentials and endpoint are those of the AWS SDK. */
export function awsKeys(stage: string, client = new APIGatewayClient()): KeyStore {
  const prefix = `stockwire-${stage}-`;

  /** The stage's usage plans: name to id. */
  async function planIds(): Promise<Map<Plan, string>> {
    const found = new Map<Plan, string>();
    for await (const { items = [] } of paginateGetUsagePlans({ client }, {})) {
      for (const { name = "", id } of items) {
        const plan = name.startsWith(prefix) ? name.slice(prefix.length) : "";
        if (isPlan(plan) && id !== undefined) found.set(plan, id);
      }
    }
    if (found.size > 0) return found;
    throw new LocalError(`There are no usage plans ${prefix}*: is the stage ${stage} deployed?`);
  }

  async function list(): Promise<KeyInfo[]> {
    const planOf = new Map<string, Plan>();
    for (const [plan, usagePlanId] of await planIds()) {
      for await (const { items = [] } of paginateGetUsagePlanKeys({ client }, { usagePlanId })) {
        for (const { id } of items) if (id !== undefined) planOf.set(id, plan);
      }
    }
    const keys: KeyInfo[] = [];
    for await (const { items = [] } of paginateGetApiKeys({ client }, { includeValues: false })) {
      for (const key of items) {
        const plan = planOf.get(key.id ?? "");
        if (plan !== undefined) keys.push(infoOf(key, plan));
      }
    }
    return keys.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  }

  async function create(name: string, plan: Plan) {
    const usagePlanId = (await planIds()).get(plan);
    if (usagePlanId === undefined) throw new LocalError(`There is no usage plan ${prefix}${plan}`);
    const key = await client.send(new CreateApiKeyCommand({ name, enabled: true }));
    const { id: keyId, value } = key;
    if (keyId === undefined || value === undefined) throw new Error("API Gateway returned no key");
    try {
      const command = new CreateUsagePlanKeyCommand({ usagePlanId, keyId, keyType: "API_KEY" });
      await client.send(command);
    } catch (error) {
      // A key without a plan admits nobody, and would be left over.
      await client.send(new DeleteApiKeyCommand({ apiKey: keyId }));
      throw error;
    }
    return { key: infoOf(key, plan), value };
  }

  async function enable(id: string, enabled: boolean): Promise<KeyInfo> {
    const key = oneOf(await list(), id);
    const patchOperations = [{ op: "replace" as const, path: "/enabled", value: String(enabled) }];
    await client.send(new UpdateApiKeyCommand({ apiKey: id, patchOperations }));
    return { ...key, enabled };
  }

  return {
    create,
    list,
    enable,
    async rotate(id, graceMs) {
      const { name, plan } = oneOf(await list(), id);
      const created = await create(name, plan);
      if (graceMs === 0) await enable(id, false);
      const until = new Date(Date.now() + graceMs).toISOString();
      const note =
        graceMs > 0
          ? `Keys on AWS do not expire. Run npm run keys -- disable ${id} --stage ${stage} at ${until}`
          : "The old key has ended";
      return { ...created, note };
    },
    async usage(id) {
      const all = await list();
      const ids = await planIds();
      const wanted = id === undefined ? all : [oneOf(all, id)];
      const now = Date.now();
      return Promise.all(
        wanted.map(async (key) => {
          const { limit, period } = plans[key.plan].quota;
          const startDate = periodStart(period, now);
          const query = {
            usagePlanId: ids.get(key.plan),
            keyId: key.id,
            startDate,
            endDate: dayOf(now),
          };
          const counts: number[][] = []; // of each day from the first: used, left
          for await (const { items = {} } of paginateGetUsage({ client }, query)) {
            counts.push(...(items[key.id] ?? []));
          }
          const days = counts
            .map(([requests = 0], at) => ({
              day: dayOf(Date.parse(startDate) + at * DAY),
              requests,
            }))
            .filter(({ requests }) => requests > 0);
          return { key, days, limit, left: counts.at(-1)?.[1] ?? limit };
        }),
      );
    },
  };
}

const infoOf = (
  { id = "", name = "", enabled = false, createdDate }: ApiKey,
  plan: Plan,
): KeyInfo => ({
  id,
  name,
  plan,
  enabled,
  createdAt: createdDate?.toISOString() ?? "",
});
