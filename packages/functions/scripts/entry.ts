/** Each Lambda by name, with the file that exports its `handler`. */
export const functions = {
  http: "packages/functions/src/handlers/http.ts",
  authorizer: "packages/functions/src/handlers/authorizer.ts",
  live: "packages/functions/src/handlers/live.ts",
  changes: "packages/functions/src/handlers/changes.ts",
  deliver: "packages/functions/src/handlers/deliver.ts",
  sweep: "packages/functions/src/handlers/sweep.ts",
};
