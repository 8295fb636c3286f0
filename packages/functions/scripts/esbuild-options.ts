/** What we change of SST's own esbuild options. `npm run build` and infra read it from here. */

/** The DynamoDB client in the bundles, `small` or `sdk`: packages/core/src/store/client.ts. */
const { DYNAMODB_CLIENT: client = "small" } = process.env;
if (client !== "small" && client !== "sdk") {
  throw new Error(`DYNAMODB_CLIENT must be small or sdk, not ${client}`);
}

export const esbuildOptions = {
  // A call for each function and class at init, and 30 kB. Error names are set by hand, and a logged
  // stack has the positions of the sources.
  keepNames: false,
  define: { "process.env.DYNAMODB_CLIENT": JSON.stringify(client) },
};
