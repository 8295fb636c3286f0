/** Stockwire as the server of section http. */

import { handler } from "@stockwire/functions/handlers/http";
import { serve } from "../child.ts";
import { startLaptopApi } from "./laptop-api.ts";

serve({ start: () => startLaptopApi(handler), cpu: () => process.cpuUsage() });
