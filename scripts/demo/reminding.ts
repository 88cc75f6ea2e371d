/**
 * A Gangway of the demo's own, for those who leave: its reminders come after seconds, and its receiver of events is the demo. The one
 * that runs reminds after a day, and tells whom its operator has named. It has a folder that goes with it.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { signatureHeader, signatureOf } from '../../outside/signing.ts';
import { readConfiguration } from '../../service/environment.ts';
import { startService } from '../../service/service.ts';
import { lockFolder } from '../embedded/lock.ts';
import { PlainError } from '../embedded/plain-error.ts';
import { developmentCodecKeys, developmentKey } from '../embedded/secrets.ts';
import { startServers } from '../embedded/servers.ts';
import type { Running } from './running.ts';

/** Seconds of silence until somebody is reminded; the second reminder is not waited for. */
const silenceSeconds = 2;
/** Longest wait for one reminder. */
const reminderMs = 60_000;
const eventBytesMax = 100_000;

export interface Reminding {
  readonly running: Running;
  /** The link of the next reminder of this session. Throws PlainError when none comes. */
  reminderOf(sessionId: string, stop: AbortSignal): Promise<string>;
  stop(): Promise<void>;
}

export async function startReminding(stop: AbortSignal): Promise<Reminding> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closing.splice(0).reverse()) await each();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'gangway-demo-'));
    closing.push(() => rm(folder, { recursive: true, force: true }));
    // PostgreSQL may run under an account of its own
    await chmod(folder, 0o755);
    const secret = randomBytes(24).toString('hex');
    const receiver = await startReceiver(secret);
    closing.push(() => receiver.close());
    const configuration = readConfiguration({
      GANGWAY_DATA: folder, PORT: '0', LOG_LEVEL: 'silent', EVENT_WEBHOOK_URL: receiver.url, EVENT_WEBHOOK_SECRET: secret,
      GANGWAY_ALLOW_PRIVATE_URLS: 'true', GANGWAY_REMINDER_HOUR_SECONDS: '1', GANGWAY_REMINDER_FIRST_HOURS: String(silenceSeconds),
      GANGWAY_REMINDER_SECOND_HOURS: '8760', GANGWAY_REMINDER_FROM_HOUR: '0', GANGWAY_REMINDER_TO_HOUR: '24',
      GANGWAY_REMINDER_HELD_OUT_PERCENT: '0',
    });
    lockFolder(folder);
    const servers = await startServers({ configuration, folder, log: () => undefined, options: { signal: stop } });
    closing.push(() => servers.stop());
    const key = await developmentKey(folder);
    const service = await startService({
      configuration, urls: servers.urls, developmentKey: key, codecKeys: await developmentCodecKeys(folder),
    });
    closing.push(() => service.stop());
    return {
      running: { url: service.url, temporalUiUrl: null, key },
      reminderOf: (sessionId, stopped) => receiver.reminderOf(sessionId, stopped),
      stop: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const Reminder = z.object({
  event: z.literal('session.reminder_due'), session_id: z.string(), data: z.object({ resume_url: z.url() }),
});

interface Receiver {
  readonly url: string;
  reminderOf(sessionId: string, stop: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/** What it is told it writes to nobody: the people of the demo look here for their post. */
async function startReceiver(secret: string): Promise<Receiver> {
  const waiting = new Map<string, (url: string) => void>();
  const server: Server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const isOurs = isSigned(String(request.headers[signatureHeader.toLowerCase()]), body, secret);
      const told = isOurs ? Reminder.safeParse(JSON.parse(body)) : null;
      if (told?.success === true) waiting.get(told.data.session_id)?.(told.data.data.resume_url);
      response.writeHead(isOurs ? 204 : 401).end();
    }, () => { response.writeHead(400).end(); });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    reminderOf: async (sessionId, stop) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const late = AbortSignal.any([stop, AbortSignal.timeout(reminderMs)]);
      const giveUp = (): void => {
        reject(stop.aborted ? stop.reason : new PlainError(`Nobody was reminded of a session within ${reminderMs / 1_000} s of silence.`));
      };
      late.addEventListener('abort', giveUp, { once: true });
      waiting.set(sessionId, resolve);
      try {
        return await promise;
      } finally {
        late.removeEventListener('abort', giveUp);
        waiting.delete(sessionId);
      }
    },
    close: () => new Promise((resolve) => {
      server.close(() => { resolve(); });
      server.closeAllConnections();
    }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > eventBytesMax) throw new Error('An event is larger than any is.');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function isSigned(given: string, body: string, secret: string): boolean {
  const seconds = Number(/^t=(\d+),/.exec(given)?.[1] ?? Number.NaN);
  if (Number.isNaN(seconds)) return false;
  const wanted = Buffer.from(signatureOf(secret, body, seconds * 1_000));
  const signature = Buffer.from(given);
  return wanted.length === signature.length && timingSafeEqual(wanted, signature);
}
