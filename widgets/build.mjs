// One self-contained module per widget, its style sheet inside, into the Python package.
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { build, transform } from "esbuild";

const OUT = "../datagen_nb/static";
const MOST_BYTES = 60_000;
const WIDGETS = ["card.tsx", "comparison.tsx", "dashboard.tsx", "history.tsx", "viewer.tsx", "wizard.tsx"];

const styles = {
  name: "styles as text",
  setup(bundling) {
    bundling.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    });
  },
};

rmSync(OUT, { recursive: true, force: true });
await build({
  entryPoints: ["loader.ts", "theme.ts", ...WIDGETS].map((name) => `src/${name}`),
  outdir: OUT,
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  plugins: [styles],
});

for (const name of readdirSync(OUT)) {
  const { size } = statSync(`${OUT}/${name}`);
  console.log(`${name} ${size} bytes`);
  if (size > MOST_BYTES) {
    throw new Error(`${name} has ${size} bytes, at most ${MOST_BYTES} are allowed`);
  }
}
