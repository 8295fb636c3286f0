import { defineConfig, type ProxyOptions } from "vite";

/** The server that pages under `npm run dev -w packages/web-test` talk to. */
const laptop = process.env["STOCKWIRE_URL"] ?? "http://localhost:3000";

/** Requests of the page itself are the laptop's own page's; those of others stay theirs. */
const proxy: ProxyOptions = {
  target: laptop,
  changeOrigin: true,
  ws: true,
  configure: (server) => {
    server.on("proxyReq", (request, { headers }) => {
      if (headers.origin === `http://${headers.host}`) request.setHeader("origin", laptop);
    });
  },
};

const API =
  "^/(console/token|users|products|inventory|reservations|items|changes|live|me|health|version|docs)\\b";

export default defineConfig({
  base: "/console/",
  server: { proxy: { [API]: proxy } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "esnext",
    modulePreload: false,
    assetsInlineLimit: 0, // the policy knows no data: URL
  },
});
