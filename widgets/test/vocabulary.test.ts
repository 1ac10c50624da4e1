import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";

// Words that no text of a widget has: each has a plain one in the documentation of the field.
const BANNED =
  /\b(learn\w*|mend\w*|told|tells?|hardly|nobody|somebody|whoever|besides|foretold|no bound|as they come|costs nothing|look(ing)? again|where to)\b/i;

const SOURCES = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));

/** The texts of a module: what is quoted or stands between tags, but for the names of classes. */
function texts(name: string): string[] {
  const source = ts.createSourceFile(
    name,
    readFileSync(join("src", name), "utf8"),
    ts.ScriptTarget.Latest,
    true,
    ts.ScriptKind.TSX,
  );
  const found: string[] = [];
  const walk = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) return;
    if (ts.isJsxAttribute(node) && node.name.getText() === "class") return;
    if (
      ts.isStringLiteralLike(node) ||
      ts.isJsxText(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddleOrTemplateTail(node)
    )
      found.push(node.text);
    ts.forEachChild(node, walk);
  };
  walk(source);
  return found;
}

it.each(SOURCES)("%s speaks plainly", (name) => {
  expect(texts(name).filter((text) => BANNED.test(text))).toEqual([]);
});

it("texts are found wherever they stand", () => {
  expect(texts("wizard.tsx")).toEqual(expect.arrayContaining(["Which table?", "Submit again"]));
});
