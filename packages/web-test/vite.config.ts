import { defineConfig, type Plugin, type ProxyOptions } from "vite";
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

/** What the first script has. It needs no other one. */
const FIRST = /src\/(main|issuer|catalog|target)\.ts$/;

/** Has the browser load the scripts behind the first one with it, not after it. */
const preloadStart: Plugin = {
  name: "preload-start",
  transformIndexHtml: {
    order: "post",
    handler(_, { bundle = {} }) {
      const start = Object.values(bundle).find(({ name }) => name === "start");
      const imported = start?.type === "chunk" ? [start.fileName, ...start.imports] : [];
      return imported
        .filter((file) => bundle[file]?.name !== "first")
        .map((file) => ({
          tag: "link",
          // Not `modulepreload`, with which Chromium would compile them before it runs the first.
          attrs: { rel: "preload", as: "script", crossorigin: "", href: `/console/${file}` },
          injectTo: "head",
        }));
    },
  },
};

export default defineConfig({
  base: "/console/",
  server: { proxy: { [API]: proxy } },
  plugins: [preloadStart],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "esnext",
    modulePreload: false,
    // What pages share is one file, not a request for each part.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "first", test: FIRST, priority: 1 },
            { name: "shared", minShareCount: 2 },
          ],
        },
      },
    },
    assetsInlineLimit: 0, // the content security policy allows no data: URL
  },
});
