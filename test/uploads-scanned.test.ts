/** Uploads of an instance with a scanner, which is not always right in its head. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fakeClamd, type FakeClamd } from './support/fake-clamd.ts';
import { jpeg } from './support/files/pictures.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, type Body, type Person } from './support/person.ts';
import { secret, startReceiver, type Receiver } from './support/receiver.ts';
import { judged, photo, sendFile } from './support/sending.ts';
import { until } from './support/until.ts';

/** What it says of files, and of the text that everybody finds. */
let [ofFiles, ofEicar] = ['stream: OK\0', 'stream: Win.Test.EICAR_HDB-1 FOUND\0'];
let asked = 0;
let scanner: FakeClamd;
let receiver: Receiver;
let instance: Instance;
beforeAll(async () => {
  receiver = await startReceiver(() => ({}));
  scanner = await fakeClamd((socket, received) => {
    const isEicar = received.includes('EICAR-STANDARD-ANTIVIRUS-TEST-FILE');
    if (!isEicar) asked += 1;
    socket.end(isEicar ? ofEicar : ofFiles, 'latin1');
  });
  instance = await startInstance(await newFolder(), {
    ALERT_WEBHOOK_URL: `${receiver.url}/alerts`, ALERT_WEBHOOK_SECRET: secret, GANGWAY_ALLOW_PRIVATE_URLS: 'true',
    GANGWAY_DLQ_ALERT_SECONDS: '1', CLAMD_URL: scanner.url, GANGWAY_UPLOAD_SCAN_PAUSE_SECONDS: '1', GANGWAY_UPLOAD_SCAN_PROBE_SECONDS: '1',
  });
});
afterAll(async () => {
  await discard(instance);
  await Promise.all([scanner.close(), receiver.close()]);
});

const alerts = (): unknown[] => receiver.requests.map(({ body }) => (body.data as Body).kind === 'scanner_blind' ? body.event : null)
  .filter((event) => event !== null);

interface Sent { readonly ana: Person; readonly session: string; readonly upload: string }

/** `width`: each test has a picture of its own. */
async function sent(width: number): Promise<Sent> {
  const { ana } = await cast(instance);
  const { session_id: session } = await ana.start({ flow: 'site_survey' });
  const { status, body } = await sendFile(ana, session, photo(await jpeg({ width, height: 80 })));
  expect(status).toBe(201);
  return { ana, session, upload: body.upload_id };
}

/** What of it is not handed out, and why. */
async function refusedOf({ ana, session, upload }: Sent): Promise<unknown> {
  return Promise.all(['content', 'thumbnail'].map(async (what) => {
    const { status, body } = await ana.get(`/sessions/${session}/uploads/${upload}/${what}/`);
    return [what, status, body?.code];
  }));
}
const nothingYet = [['content', 409, 'not_clean'], ['thumbnail', 409, 'not_clean']];

async function scannerSees(): Promise<number> {
  const text = await (await fetch(`${instance.url}/metrics`)).text();
  return Number(/^gangway_upload_scanner_sees (\d)$/m.exec(text)?.[1]);
}

describe('An instance with a scanner', () => {
  test('rejects what the scanner finds, and hands on what it calls clean', async () => {
    const good = await sent(101);
    expect(await judged(good.ana, good.session, good.upload)).toMatchObject({ status: 'clean' });
    ofFiles = 'stream: Own.Marker FOUND\0';
    const bad = await sent(102);
    expect(await judged(bad.ana, bad.session, bad.upload)).toMatchObject({ status: 'rejected', reason: 'infected' });
    expect(await refusedOf(bad)).toEqual(nothingYet);
  });

  test.each([
    ['an error', 'INSTREAM size limit exceeded. ERROR\0'], ['nothing', ''], ['an answer that breaks off', 'stream: OK'],
    ['that it is beyond its limits', 'stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0'],
  ])('asks again while the scanner says %s, and nobody has the file meanwhile', async (_, answer) => {
    ofFiles = answer;
    const waiting = await sent(103);
    const before = asked;
    await until('it was asked twice more', () => asked >= before + 2);
    expect(await refusedOf(waiting)).toEqual(nothingYet);
    ofFiles = 'stream: OK\0';
    expect(await judged(waiting.ana, waiting.session, waiting.upload)).toMatchObject({ status: 'clean' });
  });

  test('believes nothing of a scanner that is blind, tells operators once, and once more when it sees, and goes on then', async () => {
    ofEicar = 'stream: OK\0';
    await until('it is known to be blind', async () => await scannerSees() === 0);
    const waiting = await sent(104);
    const before = asked;
    await until('it is told', () => alerts().length > 0);
    expect(await refusedOf(waiting)).toEqual(nothingYet);
    ofEicar = 'stream: Eicar FOUND\0';
    await until('it is known to see', async () => await scannerSees() === 1);
    expect(await judged(waiting.ana, waiting.session, waiting.upload)).toMatchObject({ status: 'clean' });
    expect(asked).toBe(before + 1);
    await until('its end is told', () => alerts().length > 1);
    expect(alerts()).toEqual(['alert_raised', 'alert_recovered']);
  });
});
