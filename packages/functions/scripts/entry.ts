/** Each Lambda by name, with the file that exports its `handler`. */
export const functions = {
  http: "packages/functions/src/http.ts",
  authorizer: "packages/functions/src/authorizer.ts",
  live: "packages/functions/src/live.ts",
  changes: "packages/functions/src/changes.ts",
  deliver: "packages/functions/src/deliver.ts",
  sweep: "packages/functions/src/sweep.ts",
};
