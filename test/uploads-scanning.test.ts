/** What a scanner says, and what is made of it. */
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { clamdScanner } from '../uploads/scanning/clamd.ts';
import { noScanner, type Scanner, type ScanResult } from '../uploads/scanning/scanner.ts';
import { watchedScanner, type ScannerSight } from '../uploads/scanning/watched-scanner.ts';
import { findClamd, finding, signatures, startClamd } from './support/clamd.ts';
import { fakeClamd as startFake, type FakeClamd } from './support/fake-clamd.ts';
import { brokenBytes, storedBytes } from './support/files/stored.ts';
import { newFolder } from './support/folders.ts';
import { until } from './support/until.ts';

const fakes: FakeClamd[] = [];
afterEach(async () => { await Promise.all(fakes.splice(0).map((fake) => fake.close())); });

const file = storedBytes(Buffer.from('Fire exits are kept clear.'));
const never = new AbortController().signal;

async function fakeClamd(...wanted: Parameters<typeof startFake>): Promise<FakeClamd> {
  const fake = await startFake(...wanted);
  fakes.push(fake);
  return fake;
}

function asked(url: string, timeoutMs = 20_000) {
  return clamdScanner({ url, timeoutMs }).scan(file, never);
}

describe('A scanner that lies', () => {
  test.each([
    ['stream: OK\0', 'clean'], ['stream: Win.Test.EICAR_HDB-1 FOUND\0', 'infected'], ['stream: Own.Marker FOUND\0', 'infected'],
    ['stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0', 'unknown'], ['stream: Heuristics.Limits.Exceeded FOUND\0', 'unknown'],
    ['INSTREAM size limit exceeded. ERROR\0', 'unknown'], ['stream: Can\'t allocate memory ERROR\0', 'unknown'], ['\0', 'unknown'],
    ['', 'unknown'], ['stream: OK', 'unknown'], ['stream: O', 'unknown'], ['stream: OK\n', 'unknown'], ['stream: OK \0', 'unknown'],
    ['stream: OK\n\0', 'unknown'], ['STREAM: OK\0', 'unknown'], ['1: stream: OK\0', 'unknown'], ['OK\0', 'unknown'], [
      'stream: \0', 'unknown'],
    ['stream: OK FOUND\0', 'infected'], ['stream: FOUND\0', 'unknown'], ['stream: a FOUND\0stream: OK\0', 'infected'],
    ['UNKNOWN COMMAND\0', 'unknown'], ['stream: a FOUND', 'unknown'], ['stream: a\nstream: OK FOUND\0', 'unknown'],
    ['HTTP/1.1 200 OK\r\n\r\n\0', 'unknown'],
  ] as const)('that answers %j says: %s', async (answer, verdict) => {
    const { url } = await fakeClamd((socket) => { socket.end(answer, 'latin1'); });
    expect((await asked(url)).verdict).toBe(verdict);
  });

  test('an answer in pieces is one answer', async () => {
    const { url } = await fakeClamd((socket) => {
      socket.setNoDelay(true).write('stream: ');
      setImmediate(() => { socket.write('OK'); setImmediate(() => { socket.write('\0'); }); });
    });
    expect((await asked(url)).verdict).toBe('clean');
  });

  test('nobody can say when it is not there, is silent, breaks off or never stops', async () => {
    expect(await asked('tcp://127.0.0.1:1')).toMatchObject({ verdict: 'unknown', why: 'It gave ECONNREFUSED.' });
    expect(await asked('unix:///nowhere/clamd.sock')).toMatchObject({ verdict: 'unknown' });
    const silent = await fakeClamd(() => undefined);
    expect(await asked(silent.url, 200)).toMatchObject({ verdict: 'unknown', why: 'It took too long.' });
    const reset = await fakeClamd((socket) => { socket.resetAndDestroy(); });
    expect(await asked(reset.url)).toMatchObject({ verdict: 'unknown' });
    const endless = await fakeClamd((socket) => { socket.write('stream: OK'.repeat(1_000)); });
    expect(await asked(endless.url)).toMatchObject({ verdict: 'unknown', why: 'Its answer has no end.' });
    const impatient = await fakeClamd((socket) => { socket.end('INSTREAM size limit exceeded. ERROR\0'); }, 'once');
    const large = storedBytes(Buffer.alloc(8_000_000));
    expect(await clamdScanner({ url: impatient.url, timeoutMs: 20_000 }).scan(large, never)).toMatchObject({ verdict: 'unknown' });
  });

  test('the file is sent in pieces with their lengths, and an end', async () => {
    const fake = await fakeClamd((socket) => { socket.end('stream: OK\0'); });
    const content = Buffer.alloc(150_000, 'a');
    await clamdScanner({ url: fake.url, timeoutMs: 20_000 }).scan(storedBytes(content), never);
    const sent = fake.received();
    expect(sent.toString('latin1', 0, 10)).toBe('zINSTREAM\0');
    const pieces: Buffer[] = [];
    let at = 10;
    for (let length = sent.readUInt32BE(at); length > 0; length = sent.readUInt32BE(at)) {
      pieces.push(sent.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    expect(at + 4).toBe(sent.length);
  });

  test('it may listen at a socket of the file system', async () => {
    const folder = await newFolder();
    const fake = await fakeClamd((socket) => { socket.end('stream: OK\0'); }, 'end', join(folder, 'clamd.sock'));
    expect((await asked(fake.url)).verdict).toBe('clean');
    await rm(folder, { recursive: true, force: true });
  });

  test('a store that breaks off, and a caller who leaves, are no answers', async () => {
    const away = new Error('The store is away.');
    const silent = await fakeClamd(() => undefined);
    const scanner = clamdScanner({ url: silent.url, timeoutMs: 20_000 });
    await expect(scanner.scan(brokenBytes(1_000, away), never)).rejects.toBe(away);
    const leave = new AbortController();
    const scanning = scanner.scan(file, leave.signal);
    setImmediate(() => { leave.abort(away); });
    await expect(scanning).rejects.toBe(away);
  });
});

describe('A scanner that is watched', () => {
  const sights: string[] = [];
  function watched(scanner: Scanner) {
    sights.length = 0;
    return watchedScanner(scanner, { everyMs: 3_600_000, onSight: (sight: ScannerSight) => { sights.push(sight); } });
  }

  test('one that calls the EICAR text clean is blind, and nothing that it says counts until it sees', async () => {
    let answer = 'stream: OK\0';
    const fake = await fakeClamd((socket) => { socket.end(answer); });
    const scanner = watched(clamdScanner({ url: fake.url, timeoutMs: 20_000 }));
    expect(await scanner.scan(file, never)).toMatchObject({ verdict: 'unknown' });
    expect(sights).toEqual(['blind']);
    answer = 'stream: Eicar FOUND\0';
    expect(await scanner.scan(file, never)).toMatchObject({ verdict: 'infected' });
    expect(sights).toEqual(['blind', 'seeing']);
    scanner.close();
  });

  test('one that does not answer is asked again by the next file, and by it alone', async () => {
    let asks = 0;
    let answer: ScanResult = { verdict: 'unknown', why: 'It is away.' };
    const scanner = watched({ name: 'clamd', scan: () => {
      asks += 1;
      return Promise.resolve(answer);
    } });
    expect(await scanner.scan(file, never)).toMatchObject({ verdict: 'unknown' });
    expect(sights).toEqual(['unknown']);
    const before = asks;
    await Promise.all(Array.from({ length: 5 }, () => scanner.scan(file, never)));
    expect(asks - before).toBe(1);
    answer = { verdict: 'infected', what: 'Eicar' };
    await scanner.scan(file, never);
    expect(scanner.sight()).toBe('seeing');
    scanner.close();
  });

  test('it is asked at its start, and again and again', async () => {
    let asks = 0;
    const scanner = watchedScanner({ name: 'clamd', scan: () => {
      asks += 1;
      return Promise.resolve({ verdict: 'infected', what: 'Eicar' });
    } }, { everyMs: 20, onSight: () => undefined });
    await until('it was asked three times', () => asks >= 3);
    scanner.close();
  });

  test('where there is none, that is said', async () => {
    expect(noScanner.name).toBe('not_configured');
    expect(await noScanner.scan(file, never)).toEqual({ verdict: 'clean' });
  });
});

const clamd = await findClamd();
const there = 'program' in clamd;
if (!there) process.stderr.write(`\nSKIPPED: the tests against a real clamd. ${clamd.missing}\n\n`);
const closing: (() => Promise<void>)[] = [];
afterAll(async () => { for (const close of closing) await close(); });

describe('A real clamd', () => {
  const started = async (files: Parameters<typeof startClamd>[1], settings: readonly string[] = []) => {
    if (!there) throw new Error('There is no clamd.');
    const server = await startClamd(clamd, files, settings);
    closing.push(() => server.close());
    return clamdScanner({ url: server.url, timeoutMs: 60_000 });
  };
  const real = there ? test : test.skip;

  real('finds what its signatures are of, and calls all else clean', async () => {
    const scanner = watchedScanner(await started(signatures.withEicar), { everyMs: 3_600_000, onSight: () => undefined });
    expect(await scanner.scan(file, never)).toEqual({ verdict: 'clean' });
    expect(scanner.sight()).toBe('seeing');
    const infected = storedBytes(Buffer.concat([Buffer.alloc(3_000_000), finding, Buffer.alloc(1_000)]));
    expect(await scanner.scan(infected, never)).toEqual({ verdict: 'infected', what: 'Own.Marker.UNOFFICIAL' });
    scanner.close();
  });

  real('without the signature of EICAR is blind', async () => {
    const scanner = watchedScanner(await started(signatures.withoutEicar), { everyMs: 3_600_000, onSight: () => undefined });
    expect(await scanner.scan(file, never)).toMatchObject({ verdict: 'unknown' });
    expect(scanner.sight()).toBe('blind');
    scanner.close();
  });

  real('says nothing of a file beyond its limits, when it is told to speak', async () => {
    const scanner = await started(signatures.withEicar, ['StreamMaxLength 20M', 'MaxFileSize 1M', 'MaxScanSize 1M', 'AlertExceedsMax yes']);
    const large = storedBytes(Buffer.concat([Buffer.alloc(2_000_000), finding]));
    expect(await scanner.scan(large, never)).toMatchObject({ verdict: 'unknown' });
    const tooLarge = await started(signatures.withEicar, ['StreamMaxLength 1M']);
    expect(await tooLarge.scan(large, never)).toMatchObject({ verdict: 'unknown' });
  });
});
