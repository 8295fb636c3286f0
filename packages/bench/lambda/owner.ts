/** Whose a source file is: the package in node_modules, or the folder of ours (`core/src/store`). */
export function ownerOf(file: string): string {
  const dependency = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1];
  if (dependency !== undefined) return dependency;
  return /packages\/((?:[^/]+\/){1,3})/.exec(file)?.[1]?.replace(/\/$/, "") ?? file;
}
