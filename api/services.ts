/** What routes work with; handed in at start. */
import type { Logger } from 'pino';
import type { Breakers } from '../outside/breakers/registry.ts';
import type { ChangeTarget } from '../stores/change-target/port.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import type { Configuration } from '../service/configuration.ts';
import type { FlowRegistry } from '../flows/registry.ts';
import type { Limiter } from '../stores/redis/limits/limiter.ts';
import type { Resources } from '../stores/redis/limits/policy.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Database } from '../stores/postgres/database.ts';
import type { Sealer } from '../encryption/sealer.ts';
import type { Sessions } from '../engine/sessions.ts';
import type { SessionStreams } from './session-streams.ts';
import type { ParkedTasks } from '../engine/parked-tasks.ts';

export interface Services {
  readonly configuration: Configuration;
  readonly db: Database;
  readonly clickhouse: ClickHouse;
  readonly changeTarget: ChangeTarget;
  readonly flows: FlowRegistry;
  readonly sealer: Sealer;
  readonly sessions: Sessions;
  readonly streams: SessionStreams;
  readonly tasks: ParkedTasks;
  /** What is wrong with an input of a task: a place in it and words each. */
  readonly checkTaskInput: (taskName: string, input: unknown) => readonly { readonly pointer: string; readonly message: string }[];
  /** Of the Temporal Web UI; null: there is none. */
  readonly temporalUiUrl: string | null;
  readonly limiter: Limiter;
  readonly resources: Resources;
  /** Of this process. */
  readonly breakers: Breakers;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly now: () => number;
}
