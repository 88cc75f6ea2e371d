/**
 * GET /metrics: for this machine, or for who has the token of its own. Nothing of it is anybody's secret, but it is nobody's
 * business either.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'koa';
import type { Metrics } from '../metrics/metrics.ts';
import { isLoopback } from './loopback.ts';
import { unauthenticated } from './problem.ts';

export interface MetricsPageOptions {
  readonly metrics: Metrics;
  /** null: only this machine may ask. */
  readonly token: string | null;
}

export class MetricsPage {
  private readonly options: MetricsPageOptions;

  constructor(options: MetricsPageOptions) {
    this.options = options;
  }

  /** `guards` as everywhere: what is answered is exempt, what is refused counts as a stranger's. Throws 401, 429. */
  async handle(ctx: Context, guards: { readonly exempt: () => void; readonly stranger: () => Promise<void> }): Promise<void> {
    if (!isLoopback(ctx.req) && !this.hasToken(ctx.get('authorization'))) {
      await guards.stranger();
      throw unauthenticated('This is read from the machine itself, or with the token of GANGWAY_METRICS_TOKEN.');
    }
    guards.exempt();
    const { contentType, text } = await this.options.metrics.render();
    ctx.set('Content-Type', contentType);
    ctx.set('Cache-Control', 'no-store');
    ctx.body = text;
  }

  private hasToken(header: string): boolean {
    const { token } = this.options;
    const [, given] = /^Bearer +(\S+) *$/i.exec(header) ?? [];
    // digests, so that neither the length nor the place of the first difference shows in the time it takes
    const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
    return token !== null && given !== undefined && timingSafeEqual(digest(given), digest(token));
  }
}
