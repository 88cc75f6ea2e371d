/**
 * The web: one page for every address of the console, one for those of the chat, and the files that belong to them. Built beforehand,
 * kept in memory.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Context } from 'koa';
import type { Page } from './pages.ts';

export interface WebFile {
  readonly type: string;
  readonly bytes: Buffer;
  /** The same by brotli; null where that saves nothing. */
  readonly brotli: Buffer | null;
  readonly etag: string;
}

/** By path: `/index.html`, `/chat.html`, `/assets/…`. The name of an asset holds the hash of its content. */
export type WebFiles = ReadonlyMap<string, WebFile>;

/** Nothing from elsewhere, nothing inline, and no text ever becomes script or markup. */
export const webPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** First parts of addresses that the page answers; what stands below is the page's own. Those of screens to come lead to a word on it. */
export const screens = [
  'sign-in', 'sessions', 'approvals', 'changesets', 'dead-letters', 'redrives', 'funnel', 'why', 'trends', 'replay', 'at-risk', 'limits',
  'flows', 'audit', 'api-keys', 'temporal',
] as const;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml',
};

/** Reads a folder that was built (service/web-bundle.ts). */
export async function readWebFiles(folder: string): Promise<WebFiles> {
  const files = new Map<string, WebFile>();
  for (const [prefix, path] of [['/', folder], ['/assets/', join(folder, 'assets')]] as const) {
    const names = await readdir(path);
    for (const name of names.filter((each) => extname(each) in types)) {
      const bytes = await readFile(join(path, name));
      const brotli = names.includes(`${name}.br`) ? await readFile(join(path, `${name}.br`)) : null;
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
      files.set(`${prefix}${name}`, { type: types[extname(name)] ?? '', bytes, brotli, etag });
    }
  }
  return files;
}

/** What answers a path; undefined: nothing of the web does. */
export function webPage(files: WebFiles, path: string): Page | undefined {
  const asset = path.startsWith('/assets/') ? files.get(path) : undefined;
  if (asset !== undefined) return { limits: 'exempt', answer: (ctx) => { send(ctx, asset, 'public, max-age=31536000, immutable'); } };
  const first = path.split('/')[1] ?? '';
  const isConsole = path === '/' || screens.some((screen) => screen === first);
  const page = first === 'o' ? files.get('/chat.html') : isConsole ? files.get('/index.html') : undefined;
  if (page === undefined) return undefined;
  return {
    limits: 'exempt',
    answer: (ctx) => {
      ctx.set('Content-Security-Policy', webPolicy);
      ctx.set('Cross-Origin-Opener-Policy', 'same-origin');
      send(ctx, page, 'no-cache');
    },
  };
}

function send(ctx: Context, { type, bytes, brotli, etag }: WebFile, caching: string): void {
  ctx.status = 200;
  ctx.set('Cache-Control', caching);
  ctx.set('ETag', etag);
  ctx.vary('Accept-Encoding');
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  const isBrotli = brotli !== null && ctx.acceptsEncodings('br', 'identity') === 'br';
  if (isBrotli) ctx.set('Content-Encoding', 'br');
  ctx.body = isBrotli ? brotli : bytes;
  ctx.type = type;
}
