/** Whole stores that are gone when Gangway starts again. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { readState } from '../workflows/messages.ts';
import { fakeClamd } from './support/fake-clamd.ts';
import { jpeg, withJpegComment } from './support/files/pictures.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { exampleOf, person, proposed, type WireQuestion } from './support/person.ts';
import { engineOf, judged, photo, sendFile } from './support/sending.ts';
import { until } from './support/until.ts';

let instance: Instance | undefined;
afterAll(() => discard(instance), 120_000);

test('Temporal\'s database is gone while files wait: their verdicts are told to the sessions that are brought back', async () => {
  let says = '';
  const clamd = await fakeClamd((socket, received) => {
    const isEicar = received.includes('EICAR-STANDARD-ANTIVIRUS-TEST-FILE');
    const isBad = received.includes('of bad');
    socket.end(isEicar ? 'stream: Eicar FOUND\0' : isBad && says !== '' ? 'stream: Own.Marker FOUND\0' : says, 'latin1');
  });
  const folder = await newFolder();
  const settings = {
    GANGWAY_FLUSH_SECONDS: '1', CLAMD_URL: clamd.url, GANGWAY_UPLOAD_SCAN_PAUSE_SECONDS: '1', GANGWAY_UPLOAD_RECONCILE_SECONDS: '1',
  };
  const withFiles = await startInstance(folder, settings);
  let again: Instance | undefined;
  try {
    const names = ['good', 'bad'] as const;
    const left = await Promise.all(names.map(async (name) => {
      const who = await person(withFiles, 'acme', name, 'user');
      const { session_id: id } = await who.start({ flow: 'site_survey' });
      const { body } = await sendFile(who, id, photo(withJpegComment(await jpeg(), `of ${name}`)));
      const answers: Readonly<Record<string, unknown>> = { entrance_photo: body.upload_id, risk_seen: 'low' };
      let session = (await who.get(`/sessions/${id}/`)).body;
      while (session.question.id !== 'site_plan') {
        const { id: question } = session.question as WireQuestion;
        session = (await who.answer(id, question, question in answers ? answers[question] : exampleOf(session.question))).body;
      }
      return { name, id: id as string, upload: body.upload_id as string };
    }));
    const db = await databaseOf(withFiles);
    await until('all is archived', async () => {
      const rows = await db.asTenant('acme').query<{ asks: string }>("SELECT view->'question'->>'id' AS asks FROM sessions");
      return rows.length === names.length && rows.every(({ asks }) => asks === 'site_plan');
    });
    await db.close();
    await withFiles.stop();
    for (const file of ['temporal.db', 'temporal.db-wal', 'temporal.db-shm']) await rm(join(folder, file), { force: true });
    says = 'stream: OK\0';
    again = await startInstance(folder, settings);
    for (const { name, id, upload } of left) {
      const who = await person(again, 'acme', name, 'user');
      const verdict = await judged(who, id, upload);
      expect([name, verdict.status]).toEqual([name, name === 'good' ? 'clean' : 'rejected']);
    }
    const engine = await engineOf(again);
    for (const { name, id, upload } of left) {
      const who = await person(again, 'acme', name, 'user');
      const { body } = await who.post(`/sessions/${id}/resume/`, {});
      expect(body.source).toBe('postgresql');
      const known = async () => (await engine.client.workflow.getHandle(`session:acme:${id}`).query(readState)).state.uploads;
      await until('it is told', async () => (await known()).some((note) => note.upload_id === upload && note.status !== 'quarantined'));
      const { question } = (await who.get(`/sessions/${id}/`)).body;
      // the file that was rejected answers nothing any more
      expect([name, question.id]).toEqual([name, name === 'good' ? 'site_plan' : 'entrance_photo']);
      const refused = await who.answer(id, 'entrance_photo', upload);
      expect([name, refused.status]).toEqual([name, name === 'good' ? 200 : 422]);
    }
    await engine.connection.close();
  } finally {
    await discard(again ?? withFiles);
    await clamd.close();
  }
});

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
