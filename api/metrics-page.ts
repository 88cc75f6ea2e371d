/** GET /metrics on the port of the API. */
import type { Context } from 'koa';
import { mayReadMetrics } from '../metrics/access.ts';
import type { Metrics } from '../metrics/metrics.ts';
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
    if (!mayReadMetrics(ctx.req, this.options.token)) {
      await guards.stranger();
      throw unauthenticated('This is read from the machine itself, or with the token of GANGWAY_METRICS_TOKEN.');
    }
    guards.exempt();
    const { contentType, text } = await this.options.metrics.render();
    ctx.set('Content-Type', contentType);
    ctx.set('Cache-Control', 'no-store');
    ctx.body = text;
  }
}
