/**
 * The console's cookie: the token a person signed in with, kept by the browser where no script can read it. It counts as the same
 * token in a header does. A browser sends it along by itself, so what changes something has to show that our own page asks for it.
 */
import type { Context } from 'koa';
import { Problem } from './problem.ts';

export const consoleCookie = '__Host-gangway';
/** Browsers keep 4,096 bytes of a cookie, its name included. */
export const cookieTokenMax = 4_000;

const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict';

export function cookieOf(token: string, maxAgeSeconds: number): string {
  return `${consoleCookie}=${token}; Max-Age=${maxAgeSeconds}; ${attributes}`;
}

export const noCookie = `${consoleCookie}=; Max-Age=0; ${attributes}`;

/** The token in the cookie; '' without one. */
export function cookieToken(ctx: Context): string {
  const found = ctx.get('cookie').split(';').map((part) => part.trim()).find((part) => part.startsWith(`${consoleCookie}=`));
  return found?.slice(consoleCookie.length + 1) ?? '';
}

/** Throws forbidden when a request by cookie may have come from another page than ours. Who only reads may. */
export function requireOwnPage(ctx: Context, publicUrl: string | null): void {
  if (ctx.method === 'GET' || ctx.method === 'HEAD') return;
  if (isOwnOrigin(ctx, publicUrl) && ctx.get('x-gangway-console') === '1') return;
  const needs = 'an Origin of our own and the header X-Gangway-Console: 1';
  throw new Problem('forbidden', `A request by cookie that changes something needs ${needs}. Programs send a token instead.`);
}

/** Throws forbidden for a page of another origin; who sends no Origin is no page. */
export function refuseOtherPages(ctx: Context, publicUrl: string | null): void {
  if (ctx.get('origin') === '' || isOwnOrigin(ctx, publicUrl)) return;
  throw new Problem('forbidden', 'Signing in is for our own page.');
}

/** The address that the page was loaded from: what is configured, or the host that the browser asks. */
function isOwnOrigin(ctx: Context, publicUrl: string | null): boolean {
  const origin = ctx.get('origin');
  if (!URL.canParse(origin)) return false;
  return (publicUrl !== null && origin === new URL(publicUrl).origin) || new URL(origin).host === ctx.host;
}
