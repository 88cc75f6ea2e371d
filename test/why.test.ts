/** Why people leave, on a running service. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Database } from '../stores/postgres/database.ts';
import { addErrors, errorsBetween } from '../stores/postgres/error-patterns.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, newTenant, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let db: Database;
beforeAll(async () => { db = await databaseOf(instance); });
afterAll(() => db.close());

test('errors are counted in the hours that the period touches, and never those of another tenant', async () => {
  const [tenant, other, hourMs] = [newTenant(), newTenant(), 3_600_000];
  const begin = Date.UTC(2026, 9, 1);
  const end = begin + 10 * hourMs;
  const error = (hour: number, count: number, of = tenant) => ({
    tenant: of, fingerprint: `f-${of}`, hour, task_name: 'applyChangeset', category: 'network', severity: 'medium',
    exception_type: 'Refused', message: 'refused', count, first_seen: hour, last_seen: hour, sessions: new Set<string>(),
  } as const);
  const errors = [error(begin, 3), error(begin - hourMs, 100), error(end - hourMs, 4), error(end, 100), error(begin, 50, other)];
  for (const each of errors) await addErrors(db, randomUUID(), [each]);
  expect(await errorsBetween(db, tenant, begin + 1, end, 20)).toEqual([{
    fingerprint: `f-${tenant}`, task_name: 'applyChangeset', category: 'network', severity: 'medium', exception_type: 'Refused',
    message: 'refused', occurrences: 7,
  }]);
});

describe('on a running service', () => {
  test('a refused answer and the question where somebody gave up are in the heatmap', async () => {
    const { ana, cy } = await cast(instance);
    const session = await ana.start({ client_context: { device: 'tablet' } });
    expect((await ana.answer(session.session_id, 'setup_urgency', 'never')).status).toBe(422);
    await ana.post(`/sessions/${session.session_id}/cancel/`, {});
    let body: Body;
    await until('the session is in the heatmap as lost', async () => {
      body = (await cy.get('/analytics/drop-off-heatmap/?fresh=true&device=tablet')).body;
      return body.dropped_sessions === 1 && body.error_patterns.length > 0;
    });
    expect(body).toMatchObject({
      total_sessions: 1, overall_drop_off_rate: 1,
      by_question: [{ question_id: 'setup_urgency', shown: 1, answered: 0, dropped: 1, repeat_rate: 1 }],
      error_patterns: [{ kind: 'refusal', question_id: 'setup_urgency', sessions: 1, occurrences: 1 }],
      factors: [], highest_drop_off_bucket: null,
    });
  });

  test.each([
    ['/analytics/drop-off-heatmap/?granularity=minute', 400, 'invalid_request'],
    ['/analytics/drop-off-heatmap/?granularity=hourly&start_date=2025-01-01&end_date=2026-02-07', 400, 'invalid_period'],
    ['/analytics/drop-off-heatmap/?timezone=Mars/Base', 400, 'invalid_period'],
    ['/dashboard/heatmap/?week_start=friday', 400, 'invalid_request'],
    ['/dashboard/heatmap/?flow=castle', 404, 'unknown_flow'],
    ['/analytics/recommendations/?min_confidence=2', 400, 'invalid_request'],
    ['/analytics/recommendations/?priority=urgent', 400, 'invalid_request'],
    ['/analytics/recommendations/?answer=setup_urgency:never', 400, 'unknown_filter_value'],
  ])('%s is %i %s and says how to mend it', async (path, status, code) => {
    const { cy } = await cast(instance);
    const { status: answered, body } = await cy.get(path);
    expect([answered, body.code]).toEqual([status, code]);
    expect(body.errors).toMatchObject([{ fix: expect.stringMatching(/./) }]);
  });
});
