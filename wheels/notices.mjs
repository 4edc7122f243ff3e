// Writes static/dist/licenses.txt: the licenses of the npm packages whose code is in the bundles, as esbuild's list of
// inputs has them. A license that is not permissive, or a package without a text, stops the build.
// usage: node wheels/notices.mjs METAFILE
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

// htmx gives the Zero-Clause BSD license under a name that SPDX does not have.
const PERMISSIVE = ["0BSD", "Apache-2.0", "BSD-0-Clause", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"];

const { inputs, outputs } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const shipped = new Set(
  Object.values(outputs).flatMap((output) => Object.keys(output.inputs).filter((name) => output.inputs[name].bytesInOutput > 0)),
);
const folders = new Set();
for (const name of Object.keys(inputs)) {
  const found = name.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
  if (found && shipped.has(name)) folders.add(found[1]);
}

const parts = [...folders].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  if (!PERMISSIVE.includes(license)) throw new Error(`${name} ${version}: the license ${license} is not on the list`);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} ${version}: there is no license text in ${folder}`);
  const text = readFileSync(`${folder}/${file}`, "utf8").replaceAll("\r\n", "\n").trim();
  return `${name} ${version} (${license})\n\n${text}\n`;
});
const head = "The portal's pages contain code of the packages below, under the license that follows each name.\n";
writeFileSync("static/dist/licenses.txt", [head, ...parts].join(`\n${"-".repeat(100)}\n\n`));
