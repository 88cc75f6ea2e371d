/**
 * What a worker does for reports in the background: rebuilds that were asked for, erasures that ClickHouse does not have yet, what
 * imports that were cut off have left, and events that are no longer kept. With ClickHouse inside the process nobody else can.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { keepEventsFor } from '../analytics/intake/retention.ts';
import { publishLeftImports } from '../analytics/intake/publishing.ts';
import { endRebuild, releaseRebuild, renewRebuild, takeRebuild, type TakenRebuild } from '../stores/postgres/analytics-rebuilds.ts';
import { erasuresToDo } from '../stores/postgres/erasures.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { settleErasures } from './erase-analytics.ts';
import { rebuildAnalytics, type RebuildStores } from './rebuild-analytics.ts';

export interface AnalyticsUpkeepOptions extends RebuildStores {
  readonly keepDays: number;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
}

const [pollMs, erasureMs, tidyMs] = [1_000, 10_000, 3_600_000];
/** Longer than any statement of a rebuild lasts. */
const leaseSeconds = 180;
/** Between two words about how far it is. */
const sayMs = 1_000;

export function startAnalyticsUpkeep(options: AnalyticsUpkeepOptions): { readonly stop: () => Promise<void> } {
  const stopping = new AbortController();
  const running = loop(options, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function loop(options: AnalyticsUpkeepOptions, stop: AbortSignal): Promise<void> {
  const { log, now } = options;
  let tidied = -Infinity;
  // what could not be done at once has time
  let eraseFrom = -Infinity;
  while (!stop.aborted) {
    try {
      const taken = await takeRebuild(options.db, options.newId(), leaseSeconds);
      if (taken !== null) await rebuild(options, taken, stop);
      if (now() >= eraseFrom) {
        const left = await erasuresToDo(options.db, 1);
        if (left.length > 0) {
          const done = await settleErasures(options, keptFrom(options));
          if (done === 0) eraseFrom = now() + erasureMs;
          log.info({ sessions: done }, 'erased sessions are gone from ClickHouse');
        }
      }
      if (now() - tidied >= tidyMs) {
        await tidy(options);
        tidied = now();
      }
    } catch (error) {
      // the next turn tries again
      if (error instanceof StoreUnavailableError) log.debug('reports are looked after later: a store does not answer');
      else log.error({ err: { type: error instanceof Error ? error.name : typeof error } }, 'reports could not be looked after');
    }
    await pause(pollMs, undefined, { signal: stop, ref: false }).catch(() => undefined);
  }
}

/** Epoch seconds. */
function keptFrom({ now, keepDays }: AnalyticsUpkeepOptions): number {
  return Math.floor(now() / 1_000) - keepDays * 86_400;
}

async function tidy(options: AnalyticsUpkeepOptions): Promise<void> {
  const published = await publishLeftImports(options);
  const forgotten = await keepEventsFor(options, options.keepDays, options.now());
  if (published + forgotten > 0) options.log.info({ published, forgotten }, 'imports and old events were looked after');
}

async function rebuild(options: AnalyticsUpkeepOptions, taken: TakenRebuild, stop: AbortSignal): Promise<void> {
  const { db, log } = options;
  let saidAt = -Infinity;
  const say = async (progress: string): Promise<void> => {
    stop.throwIfAborted();
    if (performance.now() - saidAt < sayMs) return;
    saidAt = performance.now();
    if (!await renewRebuild(db, taken, leaseSeconds, progress)) throw new Error('Another worker rebuilds.');
  };
  log.info('ClickHouse is rebuilt');
  try {
    const { sessions, events, flushed_meanwhile: late } = await rebuildAnalytics(options, {
      keptFrom: keptFrom(options), acceptsFewer: taken.accepts_fewer, say,
    });
    log.info({ sessions, events, flushed_meanwhile: late }, 'ClickHouse is rebuilt');
    await endRebuild(db, taken, 'done', `${sessions} sessions and ${events} events, ${late} sessions were flushed meanwhile`);
  } catch (error) {
    if (stop.aborted) {
      await releaseRebuild(db, taken);
      return;
    }
    const words = error instanceof Error && error.name === 'RebuildError' ? error.message : 'It broke off: the log of the worker says why.';
    log.error({ err: { type: error instanceof Error ? error.name : typeof error } }, 'the rebuild broke off');
    await endRebuild(db, taken, 'failed', words);
  }
}
