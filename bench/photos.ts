/**
 * What photos cost the worker that processes them: 200 of 12 megapixels, one after the other and two at a time, with the memory of the
 * worker's process before, between and after. Decoding happens in children, which end.
 */
import type { StoredBytes } from '../stores/files/port.ts';
import { judgeContent } from '../uploads/content/judge.ts';
import { createProcessing } from '../uploads/processing/processing.ts';
import type { Context, Outcome } from './part.ts';
import { percentile, range, rounded, seeded } from './statistics.ts';
import { numberText } from './table.ts';
import { noisyPhoto } from './uploads/photo.ts';

const photos = 200;
const size = { width: 4_032, height: 3_024 } as const;
/** The first ones fill caches that stay. */
const warmUp = 10;
const judgements = 500;
const limits = { fileBytes: 10_485_760, voiceBytes: 5_242_880, pixels: 50_000_000 };
const growthMax = 150;
const megabyte = 1_048_576;

export async function run({ say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  say('making a photo of 12 megapixels ...');
  const photo = inMemory(await noisyPhoto(seeded(seed), size));
  say(`judging it ${judgements} times ...`);
  const judging = await judgingMs(photo);
  say(`processing it ${photos} times, two at a time ...`);
  const processing = createProcessing({ parallel: 2, pixels: limits.pixels, memoryBytes: 512 * megabyte, timeMs: 60_000 });
  const samples: number[] = [];
  const times: number[] = [];
  const one = async (): Promise<void> => {
    const began = performance.now();
    const verdict = await processing.process(photo, { family: 'jpeg', kind: 'photo' }, drain, AbortSignal.timeout(300_000));
    if (verdict.verdict !== 'clean') throw new Error(`The photo was not clean: ${JSON.stringify(verdict)}`);
    times.push(performance.now() - began);
    samples.push(process.memoryUsage.rss() / megabyte);
  };
  let next = 0;
  const lane = async (count: number): Promise<void> => {
    while (next < count) {
      next += 1;
      await one();
    }
  };
  await Promise.all([lane(warmUp), lane(warmUp)]);
  const before = process.memoryUsage.rss() / megabyte;
  times.length = 0;
  samples.length = 0;
  next = 0;
  await Promise.all([lane(photos), lane(photos)]);
  const after = process.memoryUsage.rss() / megabyte;
  return {
    title: 'Photos, looked at and made fit to be handed on',
    notes: [
      `One noisy JPEG of 12 megapixels (${numberText(photo.size / megabyte)} MB), from memory. Judged as at the door; processed in child`,
      `processes, two at a time, ${photos} times after ${warmUp} that warm up. Memory is that of the process that starts the children.`,
    ],
    tables: [{
      head: ['memory of the parent', 'MB'],
      rows: [['before', numberText(before)], ['highest', numberText(Math.max(...samples))], ['after', numberText(after)]],
    }],
    figures: [
      { name: 'judging a photo, p50', value: percentile(judging, 0.5), range: range(judging), unit: 'ms', goal: null },
      { name: 'processing a photo, p50', value: percentile(times, 0.5), range: range(times), unit: 'ms', goal: null },
      { name: `memory, highest above the start over ${photos} photos`, value: Math.max(...samples) - before, unit: 'MB',
        goal: { atMost: growthMax } },
    ],
    details: { seed, photos, photo_bytes: photo.size, rss_mb: samples.map((sample) => rounded(sample, 1)) },
  };
}

async function judgingMs(photo: StoredBytes): Promise<number[]> {
  const times: number[] = [];
  for (let count = 0; count < judgements; count += 1) {
    const began = performance.now();
    await judgeContent(photo, { kind: 'photo', family: 'jpeg' }, limits);
    times.push(performance.now() - began);
  }
  return times;
}

function inMemory(bytes: Buffer): StoredBytes {
  return {
    size: bytes.length,
    read: async function* read(start = 0, end = bytes.length) {
      for (let at = start; at < end; at += 65_536) yield await Promise.resolve(bytes.subarray(at, Math.min(at + 65_536, end)));
    },
  };
}

async function drain(_output: string, _type: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  let taken = 0;
  for await (const piece of bytes) taken += piece.length;
  if (taken === 0) throw new Error('An output was empty.');
}
