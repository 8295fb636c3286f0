/** The documents of OpenAPI and AsyncAPI. In a Lambda bundle they are packed (scripts/esbuild-plugins.ts). */

import asyncapi from "./asyncapi.json" with { type: "json" };
import openapi from "./openapi.json" with { type: "json" };

export default { asyncapi, openapi };
