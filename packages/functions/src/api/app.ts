/** The HTTP application with all routes. */

import { api } from "./routes/index.ts";
import { serve, type Settings } from "./serve.ts";

/** The whole HTTP application. Clients are typed by `App`. */
export const createApp = (settings: Settings) => serve(api, settings);

export type App = ReturnType<typeof createApp>;
