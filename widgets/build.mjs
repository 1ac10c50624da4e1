// One self-contained module per widget, its style sheet inside, into the Python package. What a
// widget loads later, when it is opened, has Preact from the widget's own module.
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { build, transform } from "esbuild";

const OUT = "../datagen_nb/static";
const MOST_BYTES = 60_000;
const WIDGETS = ["card.tsx", "comparison.tsx", "dashboard.tsx", "history.tsx", "viewer.tsx", "wizard.tsx"];
const LOADED_LATER = ["viewer-tools.tsx"];
const HOST = "datagen:host"; // see `src/viewer/later.ts`

const styles = {
  name: "styles as text",
  setup(bundling) {
    bundling.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    });
  },
};
const preactOfHost = {
  name: "Preact of the host",
  setup(bundling) {
    bundling.onResolve({ filter: /^preact(\/|$)/ }, () => ({ path: HOST, external: true }));
  },
};
const options = {
  outdir: OUT,
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
};
const sources = (names) => names.map((name) => `src/${name}`);

rmSync(OUT, { recursive: true, force: true });
await build({ ...options, entryPoints: sources(["loader.ts", "grid.ts", ...WIDGETS]), plugins: [styles] });
await build({ ...options, entryPoints: sources(LOADED_LATER), plugins: [styles, preactOfHost] });

for (const name of readdirSync(OUT)) {
  const { size } = statSync(`${OUT}/${name}`);
  console.log(`${name} ${size} bytes`);
  if (size > MOST_BYTES) {
    throw new Error(`${name} has ${size} bytes, at most ${MOST_BYTES} are allowed`);
  }
}
