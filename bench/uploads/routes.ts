/**
 * Two routes of one Koa in the process of the measured service, on stores of their own kind but the same disk and servers: one that
 * writes a file and nothing else, and one that has the seven layers around the same writing. Neither tells a session or starts what
 * looks into the file: that is no layer.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import busboy from 'busboy';
import Koa, { type Context } from 'koa';
import { readForm } from '../../api/multipart.ts';
import { createChunkSealer } from '../../encryption/sealed-chunks.ts';
import { createSealer, readCodecKeys } from '../../encryption/sealer.ts';
import { Breaker } from '../../outside/breakers/breaker.ts';
import type { Configuration } from '../../service/configuration.ts';
import { limitSettings, uploadSettings } from '../../service/settings.ts';
import { hashing } from '../../stores/files/bytes.ts';
import { openFolder } from '../../stores/files/folder.ts';
import type { FileStore } from '../../stores/files/port.ts';
import { openDatabase } from '../../stores/postgres/database.ts';
import { openRedis } from '../../stores/redis/client.ts';
import { Limiter } from '../../stores/redis/limits/limiter.ts';
import { resourcesOf } from '../../stores/redis/limits/policy.ts';
import { judgeDeclared } from '../../uploads/content/declared.ts';
import { judgeContent } from '../../uploads/content/judge.ts';
import { Uploads } from '../../uploads/uploads.ts';
import { tenant } from '../answering.ts';

export interface RoutesOptions {
  readonly configuration: Configuration;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly codecKeys: string;
  readonly folder: string;
}

export interface UploadRoutes { readonly url: string; close(): Promise<void> }

const ignore = (): void => undefined;
const nothing = (): Promise<void> => Promise.resolve();

export async function startUploadRoutes(options: RoutesOptions): Promise<UploadRoutes> {
  const { configuration, databaseUrl, redisUrl, folder } = options;
  const keys = readCodecKeys(options.codecKeys);
  const files = openFolder(join(folder, 'bench-uploads'), createChunkSealer(keys));
  const db = openDatabase({ url: databaseUrl, timeoutMs: configuration.GANGWAY_DATABASE_TIMEOUT_MS });
  const redis = openRedis({ url: redisUrl, timeoutMs: configuration.GANGWAY_REDIS_TIMEOUT_MS, onError: ignore });
  const now = (): number => performance.now();
  const breaker = new Breaker({ name: 'limiter', failures: 5, openMs: 300_000, now });
  const limiter = new Limiter({
    redis, breaker, now, timeoutMs: configuration.GANGWAY_REDIS_TIMEOUT_MS, onDecision: ignore, onStoreError: ignore,
  });
  const uploads = new Uploads({
    ...uploadSettings(configuration), db, files, sealer: createSealer(keys), limiter,
    photos: resourcesOf(limitSettings(configuration)).photo_uploads, judge: { judgeDeclared, judgeContent },
    sessions: { note: nothing }, inspections: { start: nothing },
    metrics: { uploadEnded: ignore, uploadedBytes: ignore, uploadsUnderWay: ignore }, onLeft: ignore,
  });
  const app = new Koa();
  app.use(async (context) => {
    context.body = context.path === '/layers' ? await throughLayers(context, uploads) : await written(context, files);
    context.status = 201;
  });
  const server = createServer((request, response) => { void app.callback()(request, response); });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      await new Promise((resolve) => { server.close(resolve).closeAllConnections(); });
      redis.disconnect();
      await db.close();
    },
  };
}

interface Written { readonly size_bytes: number; readonly sha256: string }

/** As one writes it without thinking of harm: parsed, hashed, sealed, synced, renamed into place. */
function written({ req }: Context, files: FileStore): Promise<Written> {
  return new Promise((resolve, reject) => {
    const parser = busboy({ headers: req.headers, limits: { files: 1 } });
    parser.once('file', (_name, stream) => {
      const hash = createHash('sha256');
      files.put(`${tenant}/${randomUUID()}`, hashing(stream, hash)).then(
        ({ size }) => { resolve({ size_bytes: size, sha256: hash.digest('hex') }); }, reject,
      );
    });
    parser.once('error', reject);
    req.pipe(parser);
  });
}

/** The same service that the product has, behind the same reader of forms. Who it is stands in headers. */
async function throughLayers(context: Context, uploads: Uploads): Promise<Written> {
  const ended = new AbortController();
  const actor = { tenant, subject: context.get('x-bench-subject'), roles: ['user'] as const };
  const wish = { session_id: context.get('x-bench-session'), upload_id: null, kind: 'photo', resumable: false, sha256: null } as const;
  const body = {
    contentType: context.get('content-type'), contentEncoding: '', bytes: Number(context.get('content-length')),
    chunks: () => context.req, hash: null,
  };
  const { upload } = await readForm(body, [], ({ file }) => uploads.receive(
    { actor, correlationId: randomUUID() }, { ...wish, name: file.name, type: file.type, bytes: file.length },
    { bytes: file.bytes, signal: ended.signal, sha256: null, isDeclared: () => true, isKeyed: false },
  ));
  return { size_bytes: upload.size_bytes ?? 0, sha256: upload.sha256?.toString('hex') ?? '' };
}
