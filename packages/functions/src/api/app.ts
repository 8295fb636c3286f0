/** The HTTP application with all routes. */

import { api } from "./routes/index.ts";
import { serve, type Settings } from "./serve.ts";

/** The whole HTTP application. A test compares `App` with the types of the client. */
export const createApp = (settings: Settings) => serve(api, settings);

export type App = ReturnType<typeof createApp>;
