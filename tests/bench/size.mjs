// npm run size: how large the browser build is in a page, minified and compressed, and which rooms of the sources that is.
import { build } from "esbuild";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const root = join(import.meta.dirname, "..", "..");
const { outputFiles, metafile } = await build({
  stdin: { contents: 'export { connect } from "./src/index.ts";', resolveDir: root },
  bundle: true, write: false, metafile: true, minify: true, format: "esm", platform: "browser", target: "es2022", absWorkingDir: root,
});
const bytes = outputFiles[0].contents;
const kib = (octets) => `${(octets / 1024).toFixed(1)} KiB`;
console.log(`import { connect } in a browser: ${kib(bytes.length)} minified, ${kib(gzipSync(bytes, { level: 9 }).length)} with gzip, ${kib(brotliCompressSync(bytes).length)} with brotli`);

const rooms = new Map();
for (const [path, { bytesInOutput }] of Object.entries(Object.values(metafile.outputs)[0].inputs)) {
  const room = path.split("/").slice(0, 2).join("/");
  rooms.set(room, (rooms.get(room) ?? 0) + bytesInOutput);
}
for (const [room, octets] of [...rooms].sort((a, b) => b[1] - a[1])) if (octets > 512) console.log(`${kib(octets).padStart(10)}  ${room}`);
