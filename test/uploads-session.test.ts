/** Uploads and their session: from the first byte to the answer, and back when a file is gone. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { UploadTry } from '../stores/postgres/uploads.ts';
import { filesOf } from '../uploads/files.ts';
import { uploadJudged } from '../workflows/messages.ts';
import { sessionWorkflowId, uploadWorkflowId } from '../workflows/workflow-ids.ts';
import { jpeg } from './support/files/pictures.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, tokenFor, type Body, type Person } from './support/person.ts';
import { engineOf, judged, photo, sendFile } from './support/sending.ts';
import { sharedInstance } from './support/shared.ts';
import { readStream, type StreamReader } from './support/stream-reader.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
const open: StreamReader[] = [];
let engine: Awaited<ReturnType<typeof engineOf>>;
let db: Awaited<ReturnType<typeof databaseOf>>;
beforeAll(async () => {
  engine = await engineOf(instance);
  db = await databaseOf(instance);
});
afterAll(async () => {
  for (const reader of open) reader.close();
  await engine.connection.close();
  await db.close();
});

async function follow(who: Person, sessionId: string): Promise<StreamReader> {
  const reader = await readStream(instance.url, sessionId, await tokenFor(instance, who.tenant, who.subject, ['user']));
  open.push(reader);
  return reader;
}

/** Of one upload, as its session's stream tells it. */
const told = (reader: StreamReader, uploadId: string): Body[] => reader.events
  .filter(({ name, data }) => name === 'upload' && data.properties.upload_id === uploadId).map(({ data }) => data);
const statuses = (reader: StreamReader, uploadId: string): string[] => told(reader, uploadId).map(({ properties }) => properties.status);

/** A survey that asks for the photo of the entrance now. */
async function atThePhoto(ana: Person): Promise<string> {
  let session = await ana.start({ flow: 'site_survey' });
  const id: string = session.session_id;
  while (session.question.id !== 'entrance_photo') {
    session = (await ana.answer(id, session.question.id, surveyed(session.question))).body;
  }
  return id;
}

function surveyed({ type, options, min }: Body): unknown {
  const values: Readonly<Record<string, unknown>> = {
    text: 'Quay Street', number: min ?? 3, boolean: true, single_choice: options[0]?.value, multi_choice: [options[0]?.value],
    date: '2027-01-15', time_range: { start: '09:00', end: '17:30' }, email: 'office@example.org',
  };
  return values[type];
}

async function uploaded(ana: Person, sessionId: string, width = 120): Promise<string> {
  const { status, body } = await sendFile(ana, sessionId, photo(await jpeg({ width, height: 80 })));
  expect([status, body.status]).toEqual([201, 'quarantined']);
  return body.upload_id;
}

describe('Normal operation (of uploads)', () => {
  test('a photo is received, looked into, found clean, answers its question, and the stream tells each step once', async () => {
    const { ana } = await cast(instance);
    const id = await atThePhoto(ana);
    const reader = await follow(ana, id);
    const upload = await uploaded(ana, id);
    expect(await judged(ana, id, upload)).toMatchObject({ upload_id: upload, kind: 'photo', status: 'clean' });
    const answered = await ana.answer(id, 'entrance_photo', upload);
    expect([answered.status, answered.body.accepted]).toEqual([200, [{ question_id: 'entrance_photo', value: upload }]]);
    await until('the verdict is told', () => statuses(reader, upload).includes('clean'));
    expect(told(reader, upload)).toMatchObject([
      { event: 'upload', properties: { kind: 'photo', status: 'quarantined' }, session: { session_id: id } },
      { event: 'upload', properties: { kind: 'photo', status: 'clean' } },
    ]);
    const { status, body } = await ana.get(`/sessions/${id}/uploads/`);
    expect([status, body.results.map((each: Body) => [each.upload_id, each.status])]).toEqual([200, [[upload, 'clean']]]);
  });

  test('a file question takes no upload that this session does not have, and says so', async () => {
    const { ana } = await cast(instance);
    const [one, other] = [await atThePhoto(ana), await ana.start()];
    const upload = await uploaded(ana, other.session_id);
    for (const value of [randomUUID(), upload]) {
      const { status, body } = await ana.answer(one, 'entrance_photo', value);
      expect([status, body.code, body.errors[0].code]).toEqual([422, 'answer_invalid', 'unknown_upload']);
    }
    expect((await ana.get(`/sessions/${one}/`)).body.question.id).toBe('entrance_photo');
  });

  test('a file that is rejected after it was answered with opens its question again, and the stream says why', async () => {
    const { ana } = await cast(instance);
    const id = await atThePhoto(ana);
    const reader = await follow(ana, id);
    const upload = await uploaded(ana, id);
    // as if the verdict were not there yet: what a scanner finds takes its time
    const late = randomUUID();
    const handle = engine.client.workflow.getHandle(sessionWorkflowId(ana.tenant, id));
    const note = { upload_id: late, object_id: randomUUID(), kind: 'photo', status: 'quarantined', reason: null } as const;
    await handle.signal(uploadJudged, note);
    await ana.gives(id, 'entrance_photo', late);
    await handle.signal(uploadJudged, { ...note, status: 'rejected', reason: 'infected' });
    await until('the question is open again', async () => (await ana.get(`/sessions/${id}/`)).body.question?.id === 'entrance_photo');
    await until('the stream has said so', () => statuses(reader, late).includes('rejected'));
    expect(told(reader, late).at(-1)).toMatchObject({
      question_id: 'entrance_photo', properties: { status: 'rejected', reason: 'infected' },
      message: 'That file was not taken. Please send another one.', session: { question: { id: 'entrance_photo' } },
    });
    const refused = await ana.answer(id, 'entrance_photo', late);
    expect([refused.status, refused.body.errors[0].code, refused.body.errors[0].message]).toEqual([
      422, 'upload_rejected', 'This file was not taken: infected.',
    ]);
    const said = await ana.answer(id, 'site_name', 'Quay Street 12');
    expect(said.body.reply).toMatch(/That file was not taken\. Please send another one\. Is there a photo of the entrance\?$/);
    await judged(ana, id, upload);
    await ana.gives(id, 'entrance_photo', upload);
  });

  test('a picture that nobody can open is rejected, its bytes go, and its question is open', async () => {
    const { ana } = await cast(instance);
    const id = await atThePhoto(ana);
    const reader = await follow(ana, id);
    const whole = await jpeg({ width: 400, height: 300 });
    const cut = Buffer.concat([whole.subarray(0, Math.floor(whole.length * 0.7)), Buffer.from([0xff, 0xd9])]);
    const { body: { upload_id: upload } } = await sendFile(ana, id, photo(cut));
    // before the verdict is there, or after it: either way this file answers nothing
    await ana.gives(id, 'entrance_photo', upload);
    expect(await judged(ana, id, upload)).toMatchObject({ status: 'rejected' });
    await until('the stream has said so', () => statuses(reader, upload).includes('rejected'));
    expect(told(reader, upload).at(-1)).toMatchObject({ properties: { status: 'rejected', reason: 'unreadable' } });
    expect((await ana.get(`/sessions/${id}/`)).body.question.id).toBe('entrance_photo');
    const [row] = await db.asSystem().query<UploadTry>(
      'SELECT tenant, session_id, upload_id, object_id FROM uploads WHERE upload_id = $1', [upload],
    );
    await until('its bytes are gone', () => row !== undefined && !existsSync(join(instance.folder, 'uploads/files', filesOf(row).prefix)));
  });

  test('a deleted file opens its question again, and what waited for approval is proposed anew', async () => {
    const { ana } = await cast(instance);
    const id = await atThePhoto(ana);
    const upload = await uploaded(ana, id);
    await judged(ana, id, upload);
    await ana.gives(id, 'entrance_photo', upload);
    await ana.answerAll((await ana.get(`/sessions/${id}/`)).body, { weak_spot_photo: null, site_plan: null });
    await ana.inState(id, 'awaiting_approval');
    expect((await ana.call('DELETE', `/sessions/${id}/uploads/${upload}/`)).status).toBe(204);
    expect(await ana.inState(id, 'in_progress')).toMatchObject({ question: { id: 'entrance_photo' } });
    const other = await uploaded(ana, id, 121);
    await judged(ana, id, other);
    await ana.gives(id, 'entrance_photo', other);
    await ana.inState(id, 'awaiting_approval');
  });

  test('a session that has ended takes no upload, and nothing of it is left', async () => {
    const { ana } = await cast(instance);
    const { session_id: id } = await ana.start();
    expect((await ana.post(`/sessions/${id}/cancel/`, {})).status).toBe(200);
    const { status, body } = await sendFile(ana, id, photo(await jpeg()));
    expect([status, body.code]).toEqual([409, 'wrong_state']);
    expect((await ana.get(`/sessions/${id}/uploads/`)).body.results).toEqual([]);
  });

  test('an upload is looked into once, however often it is asked for, and its workflow tells nothing personal', async () => {
    const { ana } = await cast(instance);
    const { session_id: id } = await ana.start();
    const upload = await uploaded(ana, id);
    await judged(ana, id, upload);
    const [row] = await db.asSystem().query<{ object_id: string }>('SELECT object_id FROM uploads WHERE upload_id = $1', [upload]);
    const handle = engine.client.workflow.getHandle(uploadWorkflowId(ana.tenant, row?.object_id ?? ''));
    await handle.result();
    const { status, searchAttributes, memo } = await handle.describe();
    expect([status.name, JSON.stringify([searchAttributes, memo]).includes('entrance')]).toEqual(['COMPLETED', false]);
    // the same file again is the same upload: nothing is consumed, and no second workflow begins
    const again = await sendFile(ana, id, photo(await jpeg()));
    expect([again.status, again.body.upload_id]).toEqual([200, upload]);
    const { count } = await engine.client.workflow.count(`WorkflowType = 'lookIntoUpload' AND GwSession = '${id}'`);
    expect(count).toBe(1);
  });
});
