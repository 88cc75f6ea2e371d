/** Whole stores that are gone when Gangway starts again. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { person, proposed } from './support/person.ts';
import { until } from './support/until.ts';

let instance: Instance | undefined;
afterAll(() => discard(instance), 120_000);

test('the folder of ClickHouse is gone: reports begin anew, and no session is touched', async () => {
  const folder = await newFolder();
  instance = await startInstance(folder, { GANGWAY_FLUSH_SECONDS: '1' });
  const people = (of: Instance) => Promise.all([
    person(of, 'acme', 'ana', 'user'), person(of, 'acme', 'ben', 'approver'), person(of, 'acme', 'cy', 'analyst'),
  ]);
  const [ana, ben, cy] = await people(instance);
  const { session, items } = await proposed(ana, ben);
  await until('it is counted', async () => (await cy.get('/analytics/funnel/?fresh=true')).body.total_sessions === 1);
  await instance.stop();
  await rm(join(folder, 'clickhouse'), { recursive: true });
  instance = await startInstance(folder, { GANGWAY_FLUSH_SECONDS: '1' });
  const [anaAgain, benAgain, cyAgain] = await people(instance);
  expect((await cyAgain.get('/analytics/funnel/?fresh=true')).body.total_sessions).toBe(0);
  expect((await anaAgain.get(`/sessions/${session.session_id}/`)).body.state).toBe('awaiting_approval');
  await benAgain.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
  await anaAgain.inState(session.session_id as string, 'completed');
  await until('what goes on is counted', async () => (await cyAgain.get('/analytics/funnel/?fresh=true')).body.completed_sessions === 1);
});
