/**
 * Looks at sessions whose workflow was ended from outside (Terminate in Temporal's page, a time-out) since the last look: each is
 * begun again from where it stood, or ended for everybody. The next message to one would do the same, but a session that generates,
 * or waits for its approver, gets none.
 */
import { z } from 'zod';
import { failedAlone, forAll } from './reconciling.ts';
import { defineTask } from './task.ts';
import type { SessionWorkflows, Span } from './session-workflows.ts';

/** `failed`: could not be begun, as one whose key is missing; the next message to it tries again. */
export interface ReconciledSessions {
  /** Epoch ms: where the next look begins. */
  readonly looked_until: number;
  readonly begun: number;
  readonly ended: number;
  readonly failed: number;
}

export interface ReconcileSessionsOptions {
  readonly workflows: SessionWorkflows;
  /** Epoch ms. */
  readonly since: number;
  readonly now: number;
  readonly signal?: AbortSignal;
}

/** The engine's list is behind for a moment, under load for seconds: so much is looked at a second time. */
const overlapMs = 120_000;
/** Sessions of one window; a longer list is taken in shorter windows, so that what was done is not begun again after a failure. */
const windowMost = 1_000;
/** A window is not cut any shorter: all that closed in one second are one. */
const windowLeastMs = 1_000;
/** Without an earlier look: sessions that were ended longer ago come back by their next message. */
const firstLookMs = 7 * 86_400_000;

export async function reconcileSessions(options: ReconcileSessionsOptions): Promise<ReconciledSessions> {
  const { workflows, since, now, signal } = options;
  const done = { begun: 0, ended: 0, failed: 0 };
  let from = since - overlapMs;
  while (from < now && signal?.aborted !== true) {
    const span = await windowFrom(workflows, from, now);
    await forAll(workflows.stopped(span), async (session) => {
      const revival = await workflows.revive(session).catch(failedAlone);
      if (revival === 'begun' || revival === 'restored') done.begun += 1;
      else if (revival === 'failed') done.failed += 1;
      else if (revival === 'unknown') done.ended += 1;
    });
    from = span.until;
  }
  return { ...done, looked_until: from };
}

/** The longest window that holds no more than can be handled before what was done is noted. */
async function windowFrom(workflows: SessionWorkflows, from: number, now: number): Promise<Span> {
  let until = now;
  while (until - from > windowLeastMs && await workflows.countStopped({ from, until }) > windowMost) {
    until = from + Math.ceil((until - from) / 2);
  }
  return { from, until };
}

export const reconcileStoppedSessions = defineTask({
  name: 'reconcileStoppedSessions', timeoutMs: 300_000,
  input: z.object({ correlation_id: z.string(), since: z.number().nullable() }),
  run: async ({ since }, { sessionWorkflows: workflows, log, signal }): Promise<ReconciledSessions> => {
    const now = Date.now();
    const reconciled = await reconcileSessions({ workflows, since: since ?? now - firstLookMs, now, signal });
    if (reconciled.begun + reconciled.ended + reconciled.failed > 0) {
      log.warn(reconciled, 'sessions whose workflow was ended from outside were taken up');
    }
    return reconciled;
  },
});
