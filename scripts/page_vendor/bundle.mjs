// Makes the bundles of the page: `node scripts/page_vendor/bundle.mjs FOLDER`. Called by scripts/build_page.
import { readFileSync, readdirSync, existsSync, copyFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const folder = process.argv[2];

const { metafile } = await build({
  entryPoints: ["editor.js", "charts.js"].map((name) => join(here, name)),
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  legalComments: "eof",
  logLevel: "warning",
  metafile: true,
  minify: true,
  outdir: folder,
  target: "es2022",
});
copyFileSync(join(root, "node_modules/uplot/dist/uPlot.min.css"), join(folder, "charts.css"));
writeFileSync(join(folder, "LICENCES.txt"), licences(packagesIn(metafile)));

/** The packages of which anything is in the bundles, by name. */
function packagesIn({ inputs }) {
  const names = Object.keys(inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(names.filter(Boolean))].sort();
}

/** Name, version and licence of each, with the text of the licence. */
function licences(names) {
  const about = "What is in these bundles, made by scripts/build_page from package-lock.json.\n";
  return [about, ...names.map(licence)].join(`\n${"=".repeat(100)}\n\n`);
}

function licence(name) {
  const at = join(root, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(at, "package.json"), "utf8"));
  const file = readdirSync(at).find((each) => /^licen[cs]e/i.test(each));
  if (!file || !existsSync(join(at, file))) throw new Error(`${name} has no text of its licence.`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(at, file), "utf8").trim()}\n`;
}
