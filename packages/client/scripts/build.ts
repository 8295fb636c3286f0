/** `npm run build -w @stockwire/client`: builds the package and packs it. */

import { join, relative } from "node:path";
import { buildPackage, packPackage } from "./package.ts";

const dist = join(import.meta.dirname, "../dist");
const folder = join(dist, "package");
buildPackage(folder);
const tarball = packPackage(folder, dist);
console.log(`npm install ${relative(process.env["INIT_CWD"] ?? process.cwd(), tarball)}`);
