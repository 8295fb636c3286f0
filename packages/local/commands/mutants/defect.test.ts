import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Defect, faultsOf } from "./defect.ts";
import { defects } from "./list.ts";

const root = join(import.meta.dirname, "../../../..");

// A refactoring that moves a defect's text must adapt the defect, or nothing would be planted.
test("each defect can be planted in the sources of today, and has a test", () => {
  expect(faultsOf(defects, root)).toEqual([]);
});

test("there are defects in all parts", () => {
  const parts = Map.groupBy(defects, ({ file }) => file.split("/").slice(0, 2).join("/"));
  for (const part of ["core", "functions", "gateway", "client", "local"]) {
    expect([part, (parts.get(`packages/${part}`)?.length ?? 0) >= 10]).toEqual([part, true]);
  }
  expect(defects.length).toBeGreaterThanOrEqual(60);
});

test("a defect whose text has moved is reported with its harm, its file and its text", () => {
  const folder = mkdtempSync(join(tmpdir(), "stockwire-defect-"));
  try {
    writeFileSync(join(folder, "a.ts"), "one(); two(); two();");
    writeFileSync(join(folder, "a.test.ts"), 'test("it works", one);');
    const sound: Defect = {
      file: "a.ts",
      text: "one",
      replacement: "1",
      harm: "Harm",
      test: { file: "a.test.ts", title: "it works" },
    };
    const faults = (change: Partial<Defect>) => faultsOf([{ ...sound, ...change }], folder);
    const adapted = 'The defect "Harm" must be adapted: ';
    expect(faults({})).toEqual([]);
    expect(faults({ text: "gone()" })).toEqual([
      `${adapted}its text occurs 0 times in a.ts, and must occur once: gone()`,
    ]);
    expect(faults({ text: "two()" })).toEqual([
      `${adapted}its text occurs 2 times in a.ts, and must occur once: two()`,
    ]);
    expect(faults({ file: "b.ts" })).toEqual([`${adapted}there is no file b.ts`]);
    expect(faults({ replacement: "one" })).toEqual([`${adapted}its replacement changes nothing`]);
    expect(faults({ test: { file: "a.test.ts", title: "it does" } })).toEqual([
      `${adapted}no title in a.test.ts contains: it does`,
    ]);
    expect(faults({ test: { file: "b.test.ts", title: "it works" } })).toEqual([
      `${adapted}there is no test file b.test.ts`,
    ]);
    expect(faultsOf([sound, sound], folder)).toEqual([
      `${adapted}another defect has the same harm`,
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
