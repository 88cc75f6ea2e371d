/** Starts and stops the measured side (host.ts). */
import { fork } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { HostMessage, HostReady } from './host.ts';

export interface Host extends HostReady { stop(): Promise<void> }

const readySecondsMax = 120;
/** Nobody answers as fast as a bench does; a user's own limit is 300. */
const unhurried = { GANGWAY_API_PER_MINUTE: '100000000' };

/** `settings` are environment variables on top of what a user has and the raised limit. */
export async function startHost(folder: string, settings: Readonly<Record<string, string>>): Promise<Host> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  // the log of every request goes to a file, as it does behind a service manager; a pipe would be read by us
  const log = openSync(join(folder, 'service.log'), 'w');
  const child = fork(join(import.meta.dirname, 'host.ts'), [], {
    env: { ...process.env, ...unhurried, ...settings, GANGWAY_DATA: folder, PORT: '0' }, stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const exited = new Promise<void>((resolve) => { child.once('exit', () => { resolve(); }); });
  const stop = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await exited;
  };
  try {
    const message = await new Promise<HostMessage>((resolve, reject) => {
      child.once('message', (value) => { resolve(value as HostMessage); });
      child.once('exit', (code) => { reject(new Error(`The measured service ended with ${code} while starting.`)); });
      AbortSignal.timeout(readySecondsMax * 1_000).addEventListener('abort', () => {
        reject(new Error(`The measured service was not ready after ${readySecondsMax} s.`));
      });
    });
    if ('failed' in message) throw new Error(`The measured service could not start: ${message.failed}`);
    return { ...message.ready, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
