/** What routes work with; handed in at start. */
import type { Logger } from 'pino';
import type { ClickHouse } from '../stores/clickhouse.ts';
import type { Configuration } from '../stores/configuration.ts';
import type { FlowRegistry } from '../stores/flow-registry.ts';
import type { Database } from '../stores/postgres.ts';
import type { SessionEngine } from './session-engine.ts';

export interface Services {
  readonly configuration: Configuration;
  readonly db: Database;
  readonly clickhouse: ClickHouse;
  readonly flows: FlowRegistry;
  readonly sessions: SessionEngine;
  readonly log: Logger;
  readonly now: () => number;
}
