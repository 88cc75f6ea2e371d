/** Uploads of an instance with a scanner, which is not always right in its head. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fakeClamd, type FakeClamd } from './support/fake-clamd.ts';
import { jpeg } from './support/files/pictures.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, type Person } from './support/person.ts';
import { judged, photo, sendFile } from './support/sending.ts';
import { until } from './support/until.ts';

/** What it says of files, and of the text that everybody finds. */
let [ofFiles, ofEicar] = ['stream: OK\0', 'stream: Win.Test.EICAR_HDB-1 FOUND\0'];
let asked = 0;
let scanner: FakeClamd;
let instance: Instance;
beforeAll(async () => {
  scanner = await fakeClamd((socket, received) => {
    const isEicar = received.includes('EICAR-STANDARD-ANTIVIRUS-TEST-FILE');
    if (!isEicar) asked += 1;
    socket.end(isEicar ? ofEicar : ofFiles, 'latin1');
  });
  instance = await startInstance(await newFolder(), {
    CLAMD_URL: scanner.url, GANGWAY_UPLOAD_SCAN_PAUSE_SECONDS: '1', GANGWAY_UPLOAD_SCAN_PROBE_SECONDS: '1',
  });
});
afterAll(async () => {
  await discard(instance);
  await scanner.close();
});

interface Sent { readonly ana: Person; readonly session: string; readonly upload: string }

/** `width`: each test has a picture of its own. */
async function sent(width: number): Promise<Sent> {
  const { ana } = await cast(instance);
  const { session_id: session } = await ana.start({ flow: 'site_survey' });
  const { status, body } = await sendFile(ana, session, photo(await jpeg({ width, height: 80 })));
  expect(status).toBe(201);
  return { ana, session, upload: body.upload_id };
}

async function contentOf({ ana, session, upload }: Sent): Promise<unknown> {
  const { status, body } = await ana.get(`/sessions/${session}/uploads/${upload}/content/`);
  return [status, body?.code];
}

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
    expect(await contentOf(bad)).toEqual([409, 'not_clean']);
  });

  test.each([
    ['an error', 'INSTREAM size limit exceeded. ERROR\0'], ['nothing', ''], ['an answer that breaks off', 'stream: OK'],
    ['that it is beyond its limits', 'stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0'],
  ])('asks again while the scanner says %s, and nobody has the file meanwhile', async (_, answer) => {
    ofFiles = answer;
    const waiting = await sent(103);
    const before = asked;
    await until('it was asked twice more', () => asked >= before + 2);
    expect(await contentOf(waiting)).toEqual([409, 'not_clean']);
    ofFiles = 'stream: OK\0';
    expect(await judged(waiting.ana, waiting.session, waiting.upload)).toMatchObject({ status: 'clean' });
  });

  test('believes nothing of a scanner that is blind, says so, and goes on when it sees', async () => {
    ofEicar = 'stream: OK\0';
    await until('it is known to be blind', async () => await scannerSees() === 0);
    const waiting = await sent(104);
    const before = asked;
    expect(await contentOf(waiting)).toEqual([409, 'not_clean']);
    ofEicar = 'stream: Eicar FOUND\0';
    await until('it is known to see', async () => await scannerSees() === 1);
    expect(await judged(waiting.ana, waiting.session, waiting.upload)).toMatchObject({ status: 'clean' });
    expect(asked).toBe(before + 1);
  });
});
