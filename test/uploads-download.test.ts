/** What may be downloaded, by whom, and how it is handed out. */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import sharp from 'sharp';
import { pdf } from './support/files/documents.ts';
import { photographed, png } from './support/files/pictures.ts';
import { root } from './support/folders.ts';
import { base, newTenant, type Body } from './support/person.ts';
import { pasted } from './support/readme.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';
import { sender, type File, type Sender } from './support/uploading.ts';

const run = promisify(execFile);
const instance = await sharedInstance();

interface Bytes { readonly status: number; readonly headers: Headers; readonly content: Buffer }

async function download(
  { at, bearer }: Sender, path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET',
): Promise<Bytes> {
  const response = await fetch(`${at}${base}${path}`, { method, headers: { authorization: `Bearer ${bearer}`, ...headers } });
  return { status: response.status, headers: response.headers, content: Buffer.from(await response.arrayBuffer()) };
}

const document = (size = 200_000): File => ({
  content: pdf(`% ${randomUUID()} ${'x'.repeat(size)}`), name: 'Plan für "Ärzte".pdf', type: 'application/pdf',
});

async function sent(file: File, kind = 'document'): Promise<{ ana: Sender; session: string; at: string; upload: Body }> {
  const ana = await sender(instance, newTenant(), 'ana', 'user');
  const session = (await ana.start()).session_id as string;
  const { body: upload } = await ana.send(session, file, { kind });
  return { ana, session, at: `/sessions/${session}/uploads/${upload.upload_id}/`, upload };
}

async function clean(file: File, kind = 'document'): ReturnType<typeof sent> {
  const made = await sent(file, kind);
  await until('it is clean', async () => (await made.ana.get(made.at)).body.status === 'clean');
  return made;
}

test('a file that is clean comes as it is, as an attachment in a sandbox, whatever is asked', async () => {
  const file = document();
  const { ana, at } = await clean(file);
  for (const [query, headers] of [['', {}], ['?download=0', { accept: 'text/html' }]] as const) {
    const { status, headers: given, content } = await download(ana, `${at}content/${query}`, headers);
    expect([status, content.equals(Buffer.from(file.content))]).toEqual([200, true]);
    expect(Object.fromEntries(given)).toMatchObject({
      'content-type': 'application/pdf', 'content-length': String(file.content.length), 'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'", 'cache-control': 'private, no-cache', 'accept-ranges': 'bytes',
      'content-disposition': 'attachment; filename="Plan f_r __rzte_.pdf"; filename*=UTF-8\'\'Plan%20f%C3%BCr%20%22%C3%84rzte%22.pdf',
      etag: `"${createHash('sha256').update(content).digest('hex')}"`,
    });
  }
  const head = await download(ana, `${at}content/`, {}, 'HEAD');
  expect([head.status, head.content.length, head.headers.get('content-length')]).toEqual([200, 0, String(file.content.length)]);
});

test('ranges, known tags and what lies outside are answered as RFC 9110 has them', async () => {
  const file = document();
  const content = Buffer.from(file.content);
  const { ana, at } = await clean(file);
  const of = (headers: Readonly<Record<string, string>>) => download(ana, `${at}content/`, headers);
  const etag = (await of({})).headers.get('etag') ?? '';
  const ranges = [['bytes=0-99', 0, 100], ['bytes=65530-65545', 65_530, 65_546], ['bytes=-7', content.length - 7, content.length]] as const;
  for (const [range, start, end] of ranges) {
    const part = await of({ range });
    expect([part.status, part.content.equals(content.subarray(start, end)), part.headers.get('content-range')])
      .toEqual([206, true, `bytes ${start}-${end - 1}/${content.length}`]);
    expect(part.headers.get('content-disposition')).toMatch(/^attachment/);
    expect(part.headers.get('content-security-policy')).toContain('sandbox');
  }
  expect((await of({ range: 'bytes=0-99', 'if-range': '"other"' })).status).toBe(200);
  expect((await of({ range: 'bytes=0-99', 'if-range': etag })).status).toBe(206);
  expect((await of({ range: 'bytes=0-1,5-6' })).status).toBe(200);
  const outside = await of({ range: `bytes=${content.length}-` });
  expect([outside.status, outside.headers.get('content-range')]).toEqual([416, `bytes */${content.length}`]);
  const known = await of({ 'if-none-match': `"x", W/${etag}` });
  expect([known.status, known.content.length, known.headers.get('etag')]).toEqual([304, 0, etag]);
  expect(known.headers.get('content-disposition')).toMatch(/^attachment/);
});

test('owner and admin may have it, and the admin\'s reading is audited; to all others there is none', async () => {
  const { ana, at } = await clean(document(100));
  const dee = await sender(instance, ana.tenant, 'dee', 'admin');
  expect((await download(dee, `${at}content/`)).status).toBe(200);
  const [entry] = (await dee.get('/admin/audit/?action=upload.download')).body.results as Body[];
  expect(entry).toMatchObject({ action: 'upload.download', result: 'allowed', target: `upload:${at.split('/').at(-2)}` });
  for (const who of [await sender(instance, ana.tenant, 'eve', 'user'), await sender(instance, newTenant(), 'ana', 'admin')]) {
    expect((await download(who, `${at}content/`)).status).toBe(404);
  }
  expect((await download(await sender(instance, ana.tenant, 'ben', 'approver'), `${at}content/`)).status).toBe(403);
  expect((await download(ana, `${at}thumbnail/`)).status).toBe(404);
});

test('a thumbnail is a small upright picture of the picture, in its form and without its metadata; what is no picture has none', async () => {
  const taken = await photographed(6, { width: 900, height: 600 });
  const seeThrough = await png({ width: 200, height: 400 }, true);
  const pictures = [
    [taken, 'photo.jpg', 'image/jpeg', 'image/jpeg', [320, 213]], [seeThrough, 'plan.png', 'image/png', 'image/webp', [160, 320]],
  ] as const;
  for (const [content, name, type, becomes, [width, height]] of pictures) {
    const { ana, at } = await clean({ content, name, type }, 'photo');
    const { status, headers, content: small } = await download(ana, `${at}thumbnail/`);
    expect([status, headers.get('content-type'), headers.get('content-length')]).toEqual([200, becomes, String(small.length)]);
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff', 'content-security-policy': "sandbox; default-src 'none'", 'cache-control': 'private, no-cache',
      'content-disposition': expect.stringMatching(/^attachment; filename="thumbnail\.(jpg|webp)"/),
    });
    const { exif, icc, orientation, ...found } = await sharp(small).metadata();
    expect([found.width, found.height, exif, icc, orientation]).toEqual([width, height, undefined, undefined, undefined]);
    expect(await cornerOf(small)).toBe('red');
    const known = await download(ana, `${at}thumbnail/`, { 'if-none-match': headers.get('etag') ?? '' });
    expect([known.status, known.content.length]).toEqual([304, 0]);
    // the whole picture has another tag
    expect((await download(ana, `${at}content/`, { 'if-none-match': headers.get('etag') ?? '' })).status).toBe(200);
    for (const who of [await sender(instance, ana.tenant, 'eve', 'user'), await sender(instance, newTenant(), 'ana', 'admin')]) {
      expect((await download(who, `${at}thumbnail/`)).status).toBe(404);
    }
    expect((await ana.raw(at, 'DELETE', {})).status).toBe(204);
    expect((await download(ana, `${at}thumbnail/`)).status).toBe(404);
  }
  const { ana, at } = await clean(document(100));
  expect((await download(ana, `${at}thumbnail/`)).status).toBe(404);
});

/** The colour of the upper left, as marked pictures have it. */
async function cornerOf(picture: Buffer): Promise<'red' | 'blue'> {
  const [r = 0, , b = 0] = await sharp(picture).extract({ left: 8, top: 8, width: 1, height: 1 }).raw().toBuffer();
  return r > b ? 'red' : 'blue';
}

test('the commands of docs/uploads.md work when pasted, twice', async () => {
  const script = pasted(await readFile(join(root, 'docs/uploads.md'), 'utf8'));
  for (let time = 0; time < 2; time += 1) {
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: root, env: { ...process.env, NODE_OPTIONS: '', BASE: instance.url, GANGWAY_DATA: instance.folder },
    });
    expect(stdout).toMatch(/^upload [0-9a-f-]{36}$/m);
    expect(stdout).toContain('status clean');
    expect(stdout.toLowerCase()).toContain('content-disposition: attachment; filename="gate.');
    expect(stdout).toMatch(/^50\n50\n\/api\/v1\/onboarding\/sessions\/[^/]+\/uploads\/[^/]+\/$/m);
  }
});

test('a file that was deleted is nowhere, and whoever goes away while it comes disturbs nobody', async () => {
  const { ana, at } = await clean(document(8_000_000));
  const { hostname, port } = new URL(ana.at);
  for (let times = 0; times < 5; times += 1) {
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${base}${at}content/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ana.bearer}\r\n\r\n`);
    await new Promise<void>((resolve) => { socket.once('data', () => { resolve(); }); });
    socket.resetAndDestroy();
  }
  expect((await download(ana, `${at}content/`)).status).toBe(200);
  expect((await ana.raw(at, 'DELETE', {})).status).toBe(204);
  expect((await download(ana, `${at}content/`)).status).toBe(404);
});
