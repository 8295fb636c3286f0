import { afterAll, beforeAll, describe } from "vitest";
import { expectDocumented } from "../documented.ts";
import { type Answer, type Driver, drivers, type Request } from "../drivers.ts";

export interface Api {
  /** Whether a gateway refuses before the app does. */
  readonly gateway: boolean;
  send(method: string, path: string, request?: Omit<Request, "method" | "path">): Promise<Answer>;
}

/** Runs the same cases against every way in. Each answer must be one that its route documents. */
export function contract(cases: (api: Api) => void): void {
  describe.each(drivers)("$name:", ({ open }) => {
    let driver: Driver;
    beforeAll(async () => {
      driver = await open();
    });
    afterAll(() => driver.close());
    cases({
      get gateway() {
        return driver.gateway;
      },
      async send(method, path, request = {}) {
        const answer = await driver.send({ method, path, ...request });
        expectDocumented({ method, path, ...request }, answer);
        return answer;
      },
    });
  });
}

/** A problem as the contract has it: nothing missing, nothing more. */
export const problem = (status: number, code: string, more: object = {}) => ({
  type: `/docs/problems#${code}`,
  status,
  code,
  ...more,
});
