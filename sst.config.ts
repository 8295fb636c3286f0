/// <reference path="./.sst/platform/config.d.ts" />

/** The program that SST runs. What it provisions is in infra/, one module per concern. */
export default $config({
  async app(input) {
    // The settings are checked in run(): SST does not show the message of an error that is thrown here.
    const stage = await import("./infra/stage.ts");
    const isProtected = stage.isProtected(input.stage);
    return {
      name: "stockwire",
      home: "aws",
      removal: isProtected ? "retain" : "remove",
      protect: isProtected,
      version: "4.17.1",
      providers: {
        aws: {
          region: "us-east-1",
          version: "7.20.0",
          defaultTags: { tags: { app: "stockwire", stage: input.stage } },
        },
        random: "4.16.6",
      },
    };
  },
  async run() {
    const http = await import("./infra/http.ts");
    const live = await import("./infra/live.ts");
    const auth = await import("./infra/auth.ts");
    await import("./infra/changes.ts");
    await import("./infra/deliver.ts");
    await import("./infra/sweep.ts");
    const { partner } = await import("./infra/partner.ts");
    const monitoring = await import("./infra/monitoring.ts");
    return {
      apiUrl: http.api.url,
      liveUrl: live.api.url,
      docsUrl: $interpolate`${http.api.url}/docs`,
      ...partner?.outputs,
      issuer: auth.issuer,
      ...auth.outputs,
      ...monitoring.outputs,
    };
  },
});
