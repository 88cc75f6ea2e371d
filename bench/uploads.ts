/** Uploads: what the seven layers add to one, and what slow ones do to the answers of others. What photos cost: photos.ts. */
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { startHost } from './host-process.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Outcome } from './part.ts';
import { seeded } from './statistics.ts';
import { measureLayers } from './uploads/layers.ts';
import { noisyPhoto } from './uploads/photo.ts';
import { measureSlow } from './uploads/slow.ts';

const [small, large] = [{ width: 1_024, height: 768 }, { width: 4_032, height: 3_024 }] as const;
/** Nobody takes photos as fast as a bench; and what waits without its workflow is to be left alone. */
const unhurried = {
  GANGWAY_PHOTO_BURST_PER_MINUTE: '1000000', GANGWAY_PHOTO_UPLOADS_PER_DAY: '1000000', GANGWAY_UPLOAD_RECONCILE_SECONDS: '86400',
  BENCH_UPLOADS: 'on',
};

export async function run({ folder, say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  const random = seeded(seed);
  say('making photos ...');
  const [smallPhoto, largePhoto] = [await noisyPhoto(random, small), await noisyPhoto(random, large)];
  say('starting the servers and the service ...');
  const host = await startHost(folder, unhurried);
  const [api, routes] = [new HttpClient(host.url), new HttpClient(host.uploadsUrl ?? '')];
  try {
    const key = await developmentKey(folder);
    const layers = await measureLayers(
      { api, routes, key, random },
      [{ name: '0.8 megapixels', photo: smallPhoto }, { name: '12 megapixels', photo: largePhoto }], say,
    );
    const slow = await measureSlow({ url: host.url, api, key, databaseUrl: host.databaseUrl, random }, say);
    const all = [layers, slow];
    return {
      title: 'Uploads: the seven layers, and slow senders',
      notes: [
        'Layers: two routes of one Koa in the process of the service, called in turn, in random order. The bare one parses the form,',
        'hashes, seals, syncs and renames the file; the other one has the seven layers around the same, with their rows and the limiter.',
        'Through the API: that, with authentication and limits, and the session told and the workflow that looks into the file started',
        'before the answer; measured after the others of its block.',
        'Slow: each of 100 connections announces 5 MB and sends 4 KB/s. All of them hold a place from before a window until after it.',
        'Burst and photos a day are raised; the other quotas are those of a user.',
      ],
      tables: all.flatMap(({ tables }) => tables), figures: all.flatMap(({ figures }) => figures),
      details: { seed, layers: layers.details, slow: slow.details },
    };
  } finally {
    api.close();
    routes.close();
    await host.stop();
  }
}
