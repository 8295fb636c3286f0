import { defineConfig, type OxlintOverride } from "oxlint";

/** Types are checked by `tsc`; this file adds the rules that types cannot say, and the walls. */

/** Files of one folder may import only what matches `allowed`; of `typesOnly` only types. */
function wall(folder: string, allowed: string, message: string, but = "", typesOnly = "$^") {
  const patterns = [
    { regex: `^(?!${allowed})`, message },
    { regex: typesOnly, allowTypeImports: true, message: "types only" },
  ];
  return {
    files: [folder],
    excludeFiles: ["**/*.test.ts", ...(but === "" ? [] : [but])],
    rules: { "no-restricted-imports": ["error", { patterns }] },
  } satisfies OxlintOverride;
}

const SMALL = "\\.\\./[a-z-]+\\.ts$"; // core's small files, seen from a folder beside them
const [core, functions] = ["packages/core/src", "packages/functions/src"];

/** What each folder may import, lowest first (docs/architecture.md). */
const walls = [
  wall(`${core}/*.ts`, "node:|zod$|uuid$|\\./[a-z-]+\\.ts$", "small files import only each other"),
  wall(
    `${core}/store/**`,
    `node:|zod$|@aws-sdk/|@smithy/|\\./|${SMALL}`,
    "store knows no resource",
  ),
  wall(
    `${core}/catalog/**`,
    `node:|zod$|\\./inventory\\.ts$|\\.\\./store/|${SMALL}`,
    "a resource knows store, small files and, of other resources, inventory only",
    `${core}/catalog/{index,stock-check,stock-repair}.ts`,
  ),
  wall(
    `${core}/changes/**`,
    `node:|zod$|@aws-sdk/|\\./|\\.\\./(?:catalog|store)/|${SMALL}`,
    "changes imports catalog, store and small files",
  ),
  wall(`${core}/live/**`, "node:|zod$|@aws-sdk/|@smithy/|\\.", "core imports no other package"),
  wall(
    `${functions}/**`,
    "(?!@stockwire/|hono/aws-lambda$)|@stockwire/core/",
    "what is deployed imports core; only handlers/http.ts imports the Lambda adapter",
    `${functions}/handlers/http.ts`,
  ),
  wall(
    "packages/client/src/**",
    "\\.|hono/client$|@stockwire/",
    "the client runs in browsers: it imports its own files and hono/client",
    "",
    "^@stockwire/",
  ),
  wall(
    "packages/gateway/**",
    "(?!@stockwire/|.*/(?:core|local)/)",
    "gateway knows no other package",
  ),
  wall(
    "packages/local/**",
    "(?!@stockwire/(?:web-test|bench))",
    "local is below web-test and bench",
  ),
  wall(
    "packages/web-test/**",
    "(?!@stockwire/|.*/(?:core|functions|gateway)/)|@stockwire/client/",
    "the console uses the server through its client only",
  ),
  wall(
    "{infra/*.ts,sst.config.ts}",
    "zod$|\\./|@stockwire/core/(?:store/tables|live/protocol)$|@stockwire/functions/" +
      "(?:api/policy|event-sources|scope|telemetry/metric)$|\\.\\./packages/functions/scripts/entry",
    "infra reads tables, the policy and plain data of the functions",
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
      files: ["infra/*.ts", "sst.config.ts"],
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
