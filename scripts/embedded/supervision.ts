/** A server that dies during operation is started again on its port; clients reconnect by themselves. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startGuarded, type EmbeddedServer, type RunningServer, type ServerName } from './guarded.ts';
import { endOrphan } from './processes.ts';

export interface Kept {
  readonly name: ServerName;
  pid(): number;
  stop(): Promise<void>;
  kill(): void;
}

interface KeepOptions {
  readonly log: (line: string) => void;
  readonly restart: boolean;
  readonly onExit: ((name: ServerName) => void) | undefined;
  readonly onBack: ((name: ServerName) => void) | undefined;
}

/** Restarts in a row; a server that ran for a minute in between begins a new row. */
const restartsMax = 5;
const calmMs = 60_000;

export function keepRunning(
  first: RunningServer & { readonly definition: EmbeddedServer }, folder: string, options: KeepOptions,
): Kept {
  const { definition } = first;
  const stopping = new AbortController();
  let current: RunningServer = first;

  const watch = async () => {
    for (let restarts = 0; restarts <= restartsMax; restarts += 1) {
      const since = Date.now();
      await current.exited;
      if (stopping.signal.aborted) return;
      options.onExit?.(definition.name);
      if (!options.restart) return;
      if (Date.now() - since > calmMs) restarts = 0;
      if (restarts === restartsMax) break;
      const next = await again(definition, folder, restarts, options.log, stopping.signal);
      if (!next) return;
      current = next;
      options.onBack?.(definition.name);
    }
    options.log(`${definition.title} keeps dying and is left alone: `
      + `see logs/${definition.name}.log in the data folder, then start again.`);
  };
  const watching = watch();

  return {
    name: definition.name, pid: () => current.pid,
    async stop() {
      stopping.abort();
      await current.stop();
      await watching;
      await current.stop();      // a restart under way may have put another one in its place
    },
    kill() {
      stopping.abort();
      current.kill();
    },
  };
}

/** One restart, with a pause that doubles; undefined when stopped meanwhile or when it does not come up. */
async function again(
  definition: EmbeddedServer, folder: string, restarts: number, log: (line: string) => void, signal: AbortSignal,
): Promise<RunningServer | undefined> {
  const pauseMs = restarts === 0 ? 0 : 250 * 2 ** restarts;
  log(`${definition.title} ended unexpectedly; starting it again …`);
  try {
    await sleep(pauseMs, undefined, { signal });
    await endOrphan(folder, definition.name);    // its guard may have died and left it
    const server = await startGuarded(definition, folder, signal);
    log(`${definition.title} is back.`);
    return server;
  } catch (error) {
    if (!signal.aborted) log(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
