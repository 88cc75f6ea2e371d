/** What stands outside the base: health, the OpenAPI document and its reader. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Context } from 'koa';

/** Public, and never used up: a page counts on nothing. */
export interface Page { readonly limits: 'exempt'; readonly answer: (ctx: Context) => Promise<void> | void }

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, 'ok' | 'unavailable' | 'disk_full' | 'draining' | 'stuck' | 'unknown'>>;
}

export interface Health { readonly readiness: () => Promise<Readiness> }

const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const docsPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Gangway API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="reader"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>`;

const startScript = "window.onload = () => { SwaggerUIBundle({ url: '/openapi.json', dom_id: '#reader', deepLinking: true, validatorUrl: " +
  "null }); };";

/** `publicUrl`: where people reach it; null: at the address that the document was asked at. */
export function pageRoutes(health: Health, openApi: object, publicUrl: string | null): ReadonlyMap<string, Page> {
  const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const document = JSON.stringify({ ...openApi, servers: undefined });
  const asset = (name: string, type: string): Page['answer'] => async (ctx) => {
    ctx.type = type;
    ctx.set('Cache-Control', 'public, max-age=3600');
    ctx.body = await readFile(join(assets, name));
  };
  const answers: readonly (readonly [path: string, answer: Page['answer']])[] = [
    ['/livez', (ctx) => { ctx.body = { status: 'ok' }; }],
    ['/readyz', async (ctx) => {
      const { ready, checks } = await health.readiness();
      ctx.status = ready ? 200 : 503;
      if (!ready) ctx.set('Retry-After', '2');
      ctx.body = { status: ready ? 'ready' : 'not_ready', checks };
    }],
    ['/openapi.json', (ctx) => {
      ctx.type = 'application/json';
      ctx.body = `{"servers":${JSON.stringify([{ url: publicUrl ?? `${ctx.protocol}://${ctx.host}` }])},${document.slice(1)}`;
    }],
    ['/docs', (ctx) => { ctx.type = 'text/html'; ctx.set('Content-Security-Policy', policy); ctx.body = docsPage; }],
    ['/docs/start.js', (ctx) => { ctx.type = 'text/javascript'; ctx.body = startScript; }],
    ['/docs/swagger-ui.css', asset('swagger-ui.css', 'text/css')],
    ['/docs/swagger-ui-bundle.js', asset('swagger-ui-bundle.js', 'text/javascript')],
  ];
  return new Map(answers.map(([path, answer]) => [path, { limits: 'exempt', answer }]));
}
