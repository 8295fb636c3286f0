/** Types are checked by `tsc`. Here are the rules that types cannot say, and the walls. */

import { defineConfig, type OxlintOverride } from "oxlint";

/** Forbids everything but `allowed`. */
const only = (...allowed: string[]) => ["**", ...allowed.map((pattern) => `!${pattern}`)];

/** What a folder may not import; of `typesOnly`, a regular expression, it may import types. */
const wall = (folder: string, group: string[], message: string, but = "", typesOnly = "$^") => {
  const types = { regex: typesOnly, allowTypeImports: true, message };
  const rules: OxlintOverride["rules"] = {
    "no-restricted-imports": ["error", { patterns: [types, { group, message }] }],
  };
  return { files: [folder], excludeFiles: ["**/*.test.ts", but], rules };
};

const SDK = ["@aws-sdk/*", "@smithy/*"];
const NODE = ["node:*", "node:*/*"];
const SMALL = ["zod", ...NODE, "../*.ts"]; // core's small files, seen from a folder beside them
const [core, functions] = ["packages/core/src", "packages/functions/src"];
const ADAPTER = `${functions}/{handlers/http,hosts/function-url}.ts`; // import hono/aws-lambda
const ABOVE_RESOURCES = `${core}/catalog/{index,stock-check,stock-repair}.ts`;

/** Lowest folder first (docs/architecture.md). A new file is walled without being listed. */
const walls = [
  wall(`${core}/*.ts`, only("zod", "uuid", ...NODE, "./*.ts"), "small files know no folder"),
  wall(
    `${core}/aws/**`,
    only(...NODE, "./*.ts", "../signature.ts"),
    "aws knows only HTTP and JSON",
  ),
  wall(
    `${core}/store/**`,
    only(...SMALL, ...SDK, "./*.ts", "./protocol/*.ts", "../aws/*.ts"),
    "store knows no resource",
  ),
  wall(
    `${core}/store/protocol/**`,
    only(
      ...NODE,
      "@aws-sdk/lib-dynamodb",
      "./*.ts",
      "../attribute-value.ts",
      "../client.ts",
      "../../aws/*.ts",
    ),
    "the protocol knows no table",
    "",
    "^(?:@aws-sdk/|\\.\\./client\\.ts$)",
  ),
  wall(
    `${core}/catalog/**`,
    only(...SMALL, "../store/*.ts", "./inventory.ts"),
    "of other resources a resource may know only inventory",
    ABOVE_RESOURCES,
  ),
  wall(
    `${core}/catalog/inventory*.ts`,
    only(...SMALL, "../store/*.ts", "./inventory.ts", "./inventory-*.ts"),
    "inventory knows no other resource",
  ),
  wall(
    `${core}/catalog/reservation*.ts`,
    only(...SMALL, "../store/*.ts", "./inventory.ts", "./reservation-*.ts"),
    "a reservation knows only its own files and inventory",
  ),
  wall(
    `${core}/changes/**`,
    only(...SMALL, "@aws-sdk/client-dynamodb", "../catalog/*.ts", "../store/*.ts", "./*.ts"),
    "changes knows catalog and store",
    "",
    "^@aws-sdk/",
  ),
  wall(
    `${core}/live/**`,
    only(...SMALL, "../*/*.ts", "./*.ts"),
    "core/aws sends; core imports no package",
  ),
  wall(
    `${functions}/**`,
    ["@stockwire/**", "!@stockwire/core/**", ...SDK, "hono/aws-lambda"],
    "what is deployed calls AWS through core",
    ADAPTER,
  ),
  wall(
    "packages/client/src/**",
    only("./**", "../**"),
    "the client is installed alone: it has no dependencies",
  ),
  wall(
    "packages/client/src/react.ts",
    only("./**", "react"),
    "the hooks import React and nothing else",
  ),
  wall("packages/gateway/**", ["@stockwire/**", "**/core/**", "**/local/**"], "gateway is alone"),
  wall("packages/local/**", ["@stockwire/web-test/**", "@stockwire/bench/**"], "local is below"),
  wall(
    "packages/local/{engine,stream,queue,issuer}/**",
    ["@stockwire/**", "!@stockwire/gateway/**", "!@stockwire/core/store/tables"],
    "an emulated service knows nothing of Stockwire",
  ),
  wall(
    "packages/local/transport/**",
    only(...NODE, "./*.ts", "@stockwire/core/aws/*"),
    "a transport knows only HTTP",
  ),
  wall(
    "packages/web-test/**",
    ["@stockwire/**", "!@stockwire/client/**", "**/core/**", "**/functions/**", "**/gateway/**"],
    "the console uses the server through its client only",
  ),
  wall(
    "infra/{*,partner/*}.ts",
    only(
      "node:crypto",
      "zod",
      "./*.ts",
      "../*.ts",
      "./partner/*.ts",
      "@stockwire/core/*/*",
      "@stockwire/functions/**",
      "**/{source-map,esbuild-options}.ts",
    ),
    "infra reads plain data of core and functions",
  ),
];

export default defineConfig({
  plugins: ["typescript", "import", "promise", "node", "unicorn", "vitest"],
  options: { typeAware: true },
  categories: { correctness: "error", suspicious: "error" },
  rules: {
    "import/no-cycle": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-unsafe-type-assertion": "off",
    "typescript/no-non-null-assertion": "error",
    "typescript/switch-exhaustiveness-check": [
      "error",
      { considerDefaultExhaustiveForUnions: true },
    ],
    "typescript/consistent-type-imports": "error",
    eqeqeq: "error",
    "no-console": "error",
    "vitest/no-focused-tests": "error",
    "vitest/no-disabled-tests": "error",
    "import/no-named-as-default-member": "off",
    "unicorn/consistent-function-scoping": "off",
    "vitest/expect-expect": ["error", { assertFunctionNames: ["expect", "expect*", "fc.assert"] }],
  },
  overrides: [
    ...walls,
    {
      files: ["packages/client/src/**"],
      rules: { "unicorn/no-array-sort": "off" }, // the package is for ES2022, `toSorted` is newer
    },
    {
      files: ["infra/{*,partner/*}.ts", "sst.config.ts"],
      rules: { "no-new": "off", "typescript/triple-slash-reference": "off" },
    },
    {
      files: ["packages/{bench,*/scripts,*/commands}/**", "**/main.ts", "infra/test/pulumi.ts"],
      rules: { "no-console": "off" },
    },
    {
      files: ["**/*.test.ts", "**/test/**"],
      rules: {
        "vitest/no-conditional-expect": "off",
        "vitest/no-standalone-expect": "off",
        "vitest/valid-expect": ["error", { maxArgs: 2 }],
        "no-unmodified-loop-condition": "off",
      },
    },
  ],
});
