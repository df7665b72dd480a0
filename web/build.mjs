// Builds the pages into the Python package: `npm run build`. With --check it writes nothing, and fails where what is
// committed is not what these sources give.
import { readdir, readFile, mkdir, writeFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const OUT = new URL("../oracles/sbi_network/explorer/static/", import.meta.url).pathname;
const PAGES = ["index.html", "wallet.html"];

const built = await build({
  entryPoints: { dashboard: "src/dashboard.tsx", wallet: "src/wallet.tsx", style: "src/style.css" },
  absWorkingDir: new URL(".", import.meta.url).pathname,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  outdir: "out",
  write: false,
});
const files = new Map(built.outputFiles.map((file) => [file.path.split("/").pop(), Buffer.from(file.contents)]));
for (const page of PAGES) files.set(page, await readFile(new URL(`src/${page}`, import.meta.url)));
files.set("icon.svg", await readFile(new URL("src/icon.svg", import.meta.url)));

if (process.argv.includes("--check")) {
  const kept = new Set(await readdir(OUT));
  const stale = [...new Set([...kept, ...files.keys()])].filter((name) => !files.has(name) || !kept.has(name));
  for (const [name, body] of files) {
    if (kept.has(name) && !body.equals(await readFile(join(OUT, name)))) stale.push(name);
  }
  if (stale.length) {
    console.error(`the pages are not what their sources give: ${stale.sort().join(", ")}. Run \`make pages\`.`);
    process.exit(1);
  }
  console.log(`${files.size} files are what their sources give`);
} else {
  await rm(OUT, { recursive: true, force: true });
  await mkdir(OUT, { recursive: true });
  for (const [name, body] of files) await writeFile(join(OUT, name), body);
  for (const [name, body] of files) console.log(`${name.padEnd(16)} ${(body.length / 1024).toFixed(1)} kB`);
}
