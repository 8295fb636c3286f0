import { afterAll, beforeAll, describe } from "vitest";
import { expectDocumented } from "../documented.ts";
import { type Answer, closeLaptop, type Driver, drivers, type Request } from "../drivers.ts";

/** The application under test, through one of the drivers. */
export interface Api {
  /** Whether a gateway refuses requests before the app sees them. */
  readonly gateway: boolean;
  /** Whether `GET /changes/stream` is a stream, which ends after a second in these tests. */
  readonly streams: boolean;
  /** Whether that gateway is the REST API of partners. */
  readonly partner: boolean;
  /** Whether `/` is the laptop's index. */
  readonly index: boolean;
  /** Whether the host removes `If-Match` and `If-None-Match` without a value. */
  readonly dropsEmptyConditions: boolean;
  send(method: string, path: string, request?: Omit<Request, "method" | "path">): Promise<Answer>;
}

/** Runs the same cases with every driver. Each answer must be one that its route documents. */
export function contract(cases: (api: Api) => void): void {
  afterAll(closeLaptop);
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
      get streams() {
        return driver.streams === true;
      },
      get partner() {
        return driver.partner === true;
      },
      get index() {
        return driver.index === true;
      },
      get dropsEmptyConditions() {
        return driver.dropsEmptyConditions ?? false;
      },
      async send(method, path, request = {}) {
        const answer = await driver.send({ method, path, ...request });
        // The document has the words of the HTTP API's gateway, not of the REST API's.
        const isOfRestApi = answer.headers.has("x-amzn-errortype");
        if (!isOfRestApi) expectDocumented({ method, path, ...request }, answer);
        return answer;
      },
    });
  });
}

/** The members of a problem document that the contract prescribes. */
export const problem = (status: number, code: string, more: object = {}) => ({
  type: `/docs/problems#${code}`,
  status,
  code,
  ...more,
});
