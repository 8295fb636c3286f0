/** Stockwire as the server of section http. */

import { serve } from "../child.ts";
import { loadHandler } from "./handler.ts";
import { startLaptopApi } from "./laptop-api.ts";

serve({
  start: () => startLaptopApi(loadHandler),
  cpu: () => process.cpuUsage(),
});
