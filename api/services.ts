/** What routes work with; handed in at start. */
import type { Logger } from 'pino';
import type { Breakers } from '../stores/breakers/registry.ts';
import type { ChangeTarget } from '../stores/change-target/port.ts';
import type { ClickHouse } from '../stores/clickhouse.ts';
import type { Configuration } from '../stores/configuration.ts';
import type { FlowRegistry } from '../stores/flow-registry.ts';
import type { Limiter } from '../stores/limits/limiter.ts';
import type { Resources } from '../stores/limits/policy.ts';
import type { Metrics } from '../stores/metrics.ts';
import type { Database } from '../stores/postgres.ts';
import type { Sealer } from '../stores/encryption.ts';
import type { SessionEngine } from './session-engine.ts';
import type { SessionStreams } from './session-streams.ts';

export interface Services {
  readonly configuration: Configuration;
  readonly db: Database;
  readonly clickhouse: ClickHouse;
  readonly changeTarget: ChangeTarget;
  readonly flows: FlowRegistry;
  readonly sealer: Sealer;
  readonly sessions: SessionEngine;
  readonly streams: SessionStreams;
  readonly limiter: Limiter;
  readonly resources: Resources;
  /** Of this process. */
  readonly breakers: Breakers;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly now: () => number;
}
