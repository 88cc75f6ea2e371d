/** Builds the web into the folder named, whole or not at all, each file beside its brotli. Started by the service when it is missing. */
import { globSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import { build } from 'vite';

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('Usage: bundle-web.ts FOLDER');
const root = join(import.meta.dirname, '..', 'web');
const own = `${path}.${process.pid}`;
// tests and developers may have set another, and what they build is what everybody then gets
process.env['NODE_ENV'] = 'production';
await build({
  root, configFile: false, envDir: false, publicDir: false, logLevel: 'warn', mode: 'production',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: own, emptyOutDir: true, target: 'es2024', cssTarget: ['chrome125', 'firefox128', 'safari18'],
      modulePreload: { polyfill: false }, assetsInlineLimit: 0, reportCompressedSize: false,
    rollupOptions: { input: [join(root, 'index.html'), join(root, 'chat.html')] },
  },
});
for (const name of globSync('**/*.{js,css,html,svg}', { cwd: own })) {
  const bytes = await readFile(join(own, name));
  const brotli = await promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } });
  if (brotli.length < bytes.length) await writeFile(join(own, `${name}.br`), brotli);
}
// whoever was faster has made the same
await rename(own, path).catch(() => rm(own, { recursive: true, force: true }));
