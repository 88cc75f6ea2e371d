/** What the seven layers add to an upload: the same photo by a bare Koa route, and by one that has them, call by call in one run. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { openSession, tenant, type Session } from '../answering.ts';
import type { HttpClient } from '../http-client.ts';
import type { Figure, Table } from '../part.ts';
import { median, percentile, range, rounded, shuffled, type Random } from '../statistics.ts';
import { numberText } from '../table.ts';
import { formOf, withComment } from './photo.ts';

export const addedMax = 5;
const sides = ['bare', 'layers'] as const;
type Side = (typeof sides)[number];
/** A session for each block: what one holds counts, and the quotas are those of a user. */
const [warmUpBlocks, blockCount, perBlock, wholePerBlock] = [1, 7, 12, 3];
const megabyte = 1_048_576;
const base = '/api/v1/onboarding';

export interface LayersOptions {
  /** Of the service, and of the two routes. */
  readonly api: HttpClient;
  readonly routes: HttpClient;
  readonly key: Uint8Array;
  readonly random: Random;
}

/** Milliseconds, by block. */
interface Times { readonly name: string; readonly bytes: number; readonly of: Record<Side | 'whole', number[][]> }

export interface Layers {
  readonly tables: readonly Table[];
  readonly figures: readonly Figure[];
  readonly details: Readonly<Record<string, unknown>>;
}

export async function measureLayers(
  options: LayersOptions, photos: readonly { readonly name: string; readonly photo: Buffer }[], say: (line: string) => void,
): Promise<Layers> {
  const all: Times[] = [];
  for (const { name, photo } of photos) {
    say(`${blockCount} blocks of ${perBlock} uploads on each side, ${name} (${numberText(photo.length / megabyte)} MB) ...`);
    const times: Times = { name, bytes: photo.length, of: { bare: [], layers: [], whole: [] } };
    for (let block = 0; block < warmUpBlocks + blockCount; block += 1) {
      const measured = await oneBlock(options, photo);
      if (block < warmUpBlocks) continue;
      for (const side of [...sides, 'whole'] as const) times.of[side].push(measured[side]);
    }
    all.push(times);
  }
  return layersOf(all);
}

async function oneBlock({ api, routes, key, random }: LayersOptions, photo: Buffer): Promise<Record<Side | 'whole', number[]>> {
  const session = await openSession(api, key);
  const times: Record<Side | 'whole', number[]> = { bare: [], layers: [], whole: [] };
  for (let trial = 0; trial < perBlock; trial += 1) {
    for (const side of shuffled(sides, random)) {
      const { type, body } = formOf(withComment(photo, randomUUID()));
      const headers = { 'x-bench-subject': session.subject, 'x-bench-session': session.id };
      times[side].push(await timed(() => routes.postBytes(`/${side}`, headers, type, body)));
    }
  }
  for (let trial = 0; trial < wholePerBlock; trial += 1) times.whole.push(await throughApi(api, session, photo));
  return times;
}

async function timed(call: () => Promise<{ readonly status: number; readonly body: unknown }>): Promise<number> {
  const began = performance.now();
  const { status, body } = await call();
  const ms = performance.now() - began;
  if (status !== 201) throw new Error(`An upload was not taken: ${status} ${JSON.stringify(body)}`);
  return ms;
}

/** It is looked into before the next is sent: a picture that is decoded meanwhile takes the processor from what is measured. */
async function throughApi(api: HttpClient, { id, token }: Session, photo: Buffer): Promise<number> {
  const { type, body } = formOf(withComment(photo, randomUUID()));
  const authorization = { authorization: `Bearer ${token}` };
  let uploadId = '';
  const ms = await timed(async () => {
    const reply = await api.postBytes(`${base}/sessions/${id}/uploads/?kind=photo`, authorization, type, body);
    ({ upload_id: uploadId = '' } = reply.body as { upload_id?: string });
    return reply;
  });
  const deadline = performance.now() + 60_000;
  for (;;) {
    const { status } = (await api.get(`${base}/sessions/${id}/uploads/${uploadId}/`, authorization)).body as { status?: string };
    if (status === 'clean') return ms;
    if (performance.now() > deadline) throw new Error(`An upload of ${tenant} is still ${status} after a minute.`);
    await pause(20);
  }
}

function layersOf(all: readonly Times[]): Layers {
  const p50 = (blocks: readonly number[][]): number[] => blocks.map((block) => percentile(block, 0.5));
  const added = ({ of }: Times, side: 'layers' | 'whole'): number[] => {
    const bare = p50(of.bare);
    return p50(of[side]).map((ms, block) => ms - (bare[block] ?? Number.NaN));
  };
  const figure = (times: Times, side: 'layers' | 'whole', name: string): Figure => {
    const ms = added(times, side);
    return { name: `${name}, ${times.name}, p50`, value: median(ms), range: range(ms), unit: 'ms',
      goal: side === 'layers' ? { atMost: addedMax } : null };
  };
  return {
    tables: [{
      head: ['an upload, p50 in ms', 'bare Koa route', 'with the seven layers', 'through the API'],
      rows: all.map(({ name, of }) => [name, ...[of.bare, of.layers, of.whole].map((blocks) => numberText(median(p50(blocks))))]),
    }],
    figures: [
      ...all.map((times) => figure(times, 'layers', 'added by the seven layers')),
      ...all.map((times) => figure(times, 'whole', 'added by the whole API')),
    ],
    details: {
      blocks: blockCount, uploads_per_block: perBlock,
      uploads: all.map(({ name, bytes, of }) => ({
        name, bytes, p50_ms_by_block: Object.fromEntries([...sides, 'whole' as const].map(
          (side) => [side, p50(of[side]).map((ms) => rounded(ms, 2))],
        )),
      })),
    },
  };
}
