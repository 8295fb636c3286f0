/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  async app(input) {
    const { settingsOf } = await import("./infra/stage.ts");
    const { isProtected } = settingsOf(input.stage);
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
    const { api } = await import("./infra/api.ts");
    const { live } = await import("./infra/live.ts");
    const auth = await import("./infra/auth.ts");
    await import("./infra/changes.ts");
    await import("./infra/monitoring.ts");
    return {
      apiUrl: api.url,
      liveUrl: live.url,
      docsUrl: $interpolate`${api.url}/docs`,
      issuer: auth.issuer,
      ...auth.outputs,
    };
  },
});
