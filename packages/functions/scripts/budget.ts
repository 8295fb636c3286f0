/**
 * The largest size of each bundle, in kB. `npm run check` fails above it; `npm run bench -- size` shows what
 * takes the space.
 */
const BUDGETS: Readonly<Record<string, number>> = {
  http: 280,
  hello: 280, // contains the app
};
const OTHERS = 250;

/** The SDK's client for DynamoDB, where DYNAMODB_CLIENT chooses it. */
const SDK = process.env["DYNAMODB_CLIENT"] === "sdk" ? 300 : 0;

/** The kB that a function's bundle may have. */
export const budgetOf = (name: string): number => (BUDGETS[name] ?? OTHERS) + SDK;
