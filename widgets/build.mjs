// One self-contained module and one style sheet per widget, into the Python package.
import { readdirSync, statSync } from "node:fs";
import { build } from "esbuild";

const OUT = "../datagen_nb/static";
const MOST_BYTES = 60_000;

await build({
  entryPoints: ["src/card.tsx", "src/card.css"],
  outdir: OUT,
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
});

for (const name of readdirSync(OUT)) {
  const { size } = statSync(`${OUT}/${name}`);
  console.log(`${name} ${size} bytes`);
  if (size > MOST_BYTES) {
    throw new Error(`${name} has ${size} bytes, at most ${MOST_BYTES} are allowed`);
  }
}
