import { targetOf } from "./target.ts";

/** What this page's address names. */
export const target = targetOf(location);
