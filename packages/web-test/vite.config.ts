import { defineConfig, type ProxyOptions } from "vite";
import { FEEDS } from "./src/catalog.ts";

/** The server behind `npm run dev -w packages/web-test`. */
const laptop = process.env["STOCKWIRE_URL"] ?? "http://localhost:3000";

/** Sends API requests to the laptop. It accepts its own origin only, so the page's is replaced. */
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

const OTHER_ROUTES = [
  "\\.well-known",
  "oauth2",
  "console/token",
  "changes",
  "live",
  "me",
  "health",
  "version",
  "docs",
  "partner",
];
const API = `^/(${[...FEEDS, ...OTHER_ROUTES].join("|")})\\b`;

export default defineConfig({
  base: "/console/",
  server: { proxy: { [API]: proxy } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "esnext",
    modulePreload: { polyfill: false },
    // What pages share is one file, not a request for each part.
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "shared", minShareCount: 2 }] } },
    },
    assetsInlineLimit: 0, // the content security policy allows no data: URL
  },
});
