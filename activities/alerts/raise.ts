/**
 * Looks at the dead letter queues of all tenants, at sessions that cannot move and at the scanner of uploads, keeps which alerts begin
 * and end, and tells every channel what it has not heard.
 */
import { alertChanges, blindChanges, stuckChanges, type Alert } from '../../domain/alert.ts';
import {
  beginAlerts, endAlerts, forgetAlerts, isScannerBlind, standingStuck, takeRaising, tenantAlerts,
} from '../../stores/postgres/alerts.ts';
import type { Queries, Scope } from '../../stores/postgres/database.ts';
import { recentSights } from '../../stores/postgres/scanner-sights.ts';
import type { StuckTally } from '../stuck.ts';
import { tellChannel, type RaiseOptions } from './tell.ts';

/** Alerts that began and ended; messages that a channel took and did not take. */
export interface RaisedAlerts { readonly raised: number; readonly recovered: number; readonly told: number; readonly failed: number }

const tenantsAtOnce = 500;

/** Safe to call as often and by as many as one likes. Throws StoreUnavailableError; never for what a channel does. */
export async function raiseAlerts(options: RaiseOptions): Promise<RaisedAlerts> {
  const db = options.db.asSystem();
  const stuck = await stuckNow(options);
  const changed = await keepChanges(db, options, stuck);
  // side by side: a slow channel holds up no other
  const told = await Promise.all(options.channels.map((channel) => tellChannel(options, db, channel)));
  await forgetAlerts(db, options.keepDays);
  return { ...changed, told: sum(told.map((item) => item.told)), failed: sum(told.map((item) => item.failed)) };
}

/** One transaction under a lock, so that nobody writes what others have changed since. Whoever finds it taken leaves it to them. */
async function keepChanges(
  db: Scope, options: RaiseOptions, stuck: readonly StuckTally[] | null,
): Promise<{ raised: number; recovered: number }> {
  return db.transaction(async (tx) => {
    let [raised, recovered, afterTenant] = [0, 0, ''];
    if (!await takeRaising(tx)) return { raised, recovered };
    if (stuck !== null) {
      const { begun, over } = stuckChanges(stuck, await standingStuck(tx));
      raised += await begin(tx, options, begun);
      recovered += await endAlerts(tx, over);
    }
    if (options.scannerSightMs !== null) {
      const { begun, over } = blindChanges(await recentSights(tx, options.scannerSightMs), await isScannerBlind(tx));
      raised += await begin(tx, options, begun);
      recovered += await endAlerts(tx, over);
    }
    for (;;) {
      const page = await tenantAlerts(tx, { ageHours: options.thresholds.ageHours, afterTenant, limit: tenantsAtOnce });
      const changes = page.map(({ facts, known }) => alertChanges(facts, known, options.thresholds));
      raised += await begin(tx, options, changes.flatMap(({ begun }) => begun));
      recovered += await endAlerts(tx, changes.flatMap(({ over }) => over));
      const last = page.at(-1);
      if (last === undefined || page.length < tenantsAtOnce) return { raised, recovered };
      afterTenant = last.facts.tenant;
    }
  });
}

/** null: not known now, and then nothing of it begins or ends. What waits in the queue is told all the same. */
async function stuckNow({ stuck, log }: RaiseOptions): Promise<readonly StuckTally[] | null> {
  return stuck.tally().catch((error: unknown) => {
    log.warn({ error: error instanceof Error ? error.name : typeof error }, 'Temporal does not say which sessions cannot move');
    return null;
  });
}

/** The log hears it too: it is the channel that everybody has. */
async function begin(tx: Queries, { channels, log }: RaiseOptions, alerts: readonly Alert[]): Promise<number> {
  const begun = await beginAlerts(tx, alerts, channels.map(({ name }) => name));
  for (const { tenant, kind, facts } of alerts) log.warn({ tenant, alert: kind, facts }, 'an alert begins');
  return begun;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
