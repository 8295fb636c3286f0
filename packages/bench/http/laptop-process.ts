import { handler } from "@stockwire/functions/handlers/http";
import { answer } from "../child.ts";
import { startLaptopApi } from "./laptop-api.ts";

/** The server of section http that is ours. */

answer({ start: () => startLaptopApi(handler), cpu: () => process.cpuUsage() });
