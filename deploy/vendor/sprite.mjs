// Joins the named icons of bootstrap-icons into one SVG sprite: node sprite.mjs ICONS_DIR NAMES_FILE > icons.svg
import { readFileSync } from "node:fs";

const [directory, names] = process.argv.slice(2);
const symbols = readFileSync(names, "utf8").split("\n").filter(Boolean).map((name) => {
  const svg = readFileSync(`${directory}/${name}.svg`, "utf8");
  const shapes = svg.replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "").replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 16 16">${shapes}</symbol>`;
});
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`);
