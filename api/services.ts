/** What routes work with; handed in at start. */
import type { Logger } from 'pino';
import type { Intake } from '../analytics/intake/importing.ts';
import type { Publishing } from '../analytics/intake/publishing.ts';
import type { Json } from '../domain/json.ts';
import type { Sealer } from '../encryption/sealer.ts';
import type { ParkedTasks } from '../engine/parked-tasks.ts';
import type { SessionRuns } from '../engine/session-runs.ts';
import type { Sessions } from '../engine/sessions.ts';
import type { StuckWorkflows } from '../engine/stuck-workflows.ts';
import type { FlowRegistry } from '../flows/registry.ts';
import type { Breakers } from '../outside/breakers/registry.ts';
import type { ChangeTarget } from '../stores/change-target/port.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import type { DataThrough } from '../stores/data-through.ts';
import type { Database } from '../stores/postgres/database.ts';
import type { Limiter } from '../stores/redis/limits/limiter.ts';
import type { Resources } from '../stores/redis/limits/policy.ts';
import type { ReportCache } from '../stores/redis/reports/report-cache.ts';
import type { Uploads } from '../uploads/uploads.ts';
import type { LiveReports } from './live-reports.ts';
import type { RedriveStreams } from './redrive-streams.ts';
import type { SessionTokens } from './session-tokens.ts';
import type { SessionStreams } from './session-streams.ts';

export interface Services {
  readonly sessions: Sessions;
  readonly streams: SessionStreams;
  readonly uploads: Uploads;
  readonly flows: FlowRegistry;
  readonly changes: {
    readonly target: ChangeTarget;
    /** Whether somebody is told of changesets. */
    readonly areTold: boolean;
  };
  readonly deadLetters: {
    readonly tasks: ParkedTasks;
    /** What is wrong with an input of a task: a place in it and words each. */
    readonly inputMistakes: (taskName: string, input: unknown) => readonly { readonly pointer: string; readonly message: string }[];
    /** What an input of a task looks like, as JSON Schema; null: there is no such task. */
    readonly inputSchema: (taskName: string) => Json;
    readonly redrives: RedriveStreams;
    /** Tasks of a tenant that its operators are expected to have an eye on. */
    readonly capacity: number;
  };
  readonly reports: {
    readonly clickhouse: ClickHouse;
    readonly cache: Pick<ReportCache, 'get'>;
    readonly dataThrough: Pick<DataThrough, 'of'>;
    readonly live: LiveReports;
  };
  /** Events of other systems. */
  readonly intake: Intake & Publishing & {
    /** Largest body of an import, unpacked. */
    readonly bodyBytes: number;
  };
  readonly limits: {
    readonly limiter: Limiter;
    readonly resources: Resources;
    /** Of this process. */
    readonly breakers: Breakers;
  };
  readonly stores: { readonly db: Database; readonly sealer: Sealer };
  readonly resumeLinks: {
    readonly urlOf: (secret: string) => string;
    readonly tokens: Pick<SessionTokens, 'issue'>;
    /** How long a token of a spent link counts. */
    readonly seconds: number;
  };
  readonly stuck: StuckWorkflows;
  /** The command line that heals a workflow which cannot move. */
  readonly healCommand: (workflowId: string) => string;
  /** Its workflow, with the runs of it that the engine has. */
  readonly sessionRuns: (tenant: string, sessionId: string) => Promise<SessionRuns>;
  /** Where the Temporal Web UI shows a workflow; null: there is no such page. */
  readonly temporalLink: (workflowId: string) => string | null;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
}
