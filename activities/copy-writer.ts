/** Writes the copies of sessions: PostgreSQL (archive), Redis (hot copy), ClickHouse (analytics), each in batches over all sessions. */
import { createHash, createHmac } from 'node:crypto';
import type { Logger } from 'pino';
import { stageNumbers, tables, type EventRow, type SessionRow } from '../analytics/rows.ts';
import type { Checkpoint } from '../domain/checkpoint.ts';
import type { StageName } from '../domain/lifecycle.ts';
import type { SessionView } from '../domain/message.ts';
import { newestCheckpoint, uiStateAt } from '../domain/newest-checkpoint.ts';
import type { CheckpointContent, SessionEvent, SessionState } from '../domain/session-state.ts';
import { saveCheckpoints } from '../stores/postgres/checkpoints.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import { sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { HotCopies, HotCopy } from '../stores/redis/hot-copies.ts';
import type { Database } from '../stores/postgres/database.ts';
import { noteReminders } from '../stores/postgres/interventions.ts';
import { dropReminders, queueEvents } from '../stores/postgres/outgoing-events.ts';
import type { SessionSignals } from '../stores/redis/session-signals.ts';
import { saveSessions } from '../stores/postgres/sessions.ts';
import { Batch } from './batch.ts';
import { remindersIn } from './outbox/reminder-notes.ts';
import { outgoingEventsOf } from './outbox/session-events.ts';

/** Everything of one session that is not stored yet. */
export interface SessionCopies {
  readonly state: SessionState;
  readonly view: SessionView;
  readonly events: readonly SessionEvent[];
  readonly checkpoints: readonly Checkpoint[];
}

export interface CopyWriter {
  /** Resolves when every store has it; repeating it does no harm. */
  write(copies: SessionCopies): Promise<void>;
}

export interface CopyWriterOptions {
  readonly db: Database;
  readonly clickhouse: ClickHouse;
  readonly hotCopies: HotCopies;
  readonly signals: SessionSignals;
  readonly sealer: Sealer;
  readonly log: Logger;
  readonly waitMs: number;
  readonly maxRows: number;
  /** Keys the pseudonym of a person in ClickHouse, which holds no user ids. */
  readonly pseudonymKey: Uint8Array;
  /** Events are to be sent to EVENT_WEBHOOK_URL. */
  readonly keepEvents: boolean;
}

export function createCopyWriter(options: CopyWriterOptions): CopyWriter {
  const { db, clickhouse, hotCopies, signals, log, waitMs, maxRows } = options;
  const archive = new Batch<SessionCopies>({
    waitMs: 0, maxItems: maxRows, store: (all) => archiveSessions(db, options.sealer, all, options.keepEvents),
  });
  const hot = new Batch<HotCopy>({ waitMs: 0, maxItems: maxRows, store: async (all) => {
    await hotCopies.put(all);
    await signals.publish(all.map(({ view }) => view));
  } });
  const analytics = new Batch<SessionCopies>({
    waitMs, maxItems: maxRows, store: (all) => saveAnalytics(clickhouse, all, options.pseudonymKey),
  });
  return {
    write: async (copies) => {
      await Promise.all([
        archive.add(copies), analytics.add(copies),
        hot.add({ view: copies.view, checkpoint: newestCheckpoint(copies.state) }).catch(() => {
          log.debug('a hot copy was not written: Redis does not answer');
        }),
      ]);
    },
  };
}

/** `keepEvents`: events are to be told to somebody. Repeating it does no harm, and an older copy replaces no newer one. */
export async function archiveSessions(db: Database, sealer: Sealer, all: readonly SessionCopies[], keepEvents: boolean): Promise<void> {
  const newest = [
    ...new Map([...all].sort((a, b) => a.view.revision - b.view.revision).map((copies) => [copies.view.session_id, copies])).values(),
  ];
  // one batch holds sessions of many tenants
  await db.asSystem().transaction(async (tx) => {
    await saveSessions(tx, newest.map(({ view, state }) => ({
      view, segment: state.segment, snapshot: sealer.seal(encode(state), sealedAs.snapshot(state.tenant, state.session_id)),
    })));
    await saveCheckpoints(tx, all.flatMap(({ state, checkpoints }) => checkpoints.map((checkpoint) => ({
      session_id: state.session_id, tenant: state.tenant, checkpoint,
      answers: sealer.seal(encode(contentOf(state, checkpoint)), sealedAs.checkpoint(state.tenant, state.session_id, checkpoint.version)),
    }))));
    const { reminders, returns, unwanted } = remindersIn(all);
    await noteReminders(tx, reminders, returns);
    if (keepEvents) {
      await queueEvents(tx, all.flatMap(({ state, events }) => outgoingEventsOf(state, events)));
      await dropReminders(tx, unwanted);
    }
  });
}

/** What a checkpoint restores: the log up to it, what of it counted, and the UI state. */
function contentOf(state: SessionState, checkpoint: Checkpoint): CheckpointContent {
  const { position, current, version } = checkpoint;
  return { answers: state.answers.slice(0, position), current, ui_state: uiStateAt(state, version) };
}

function encode(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

async function saveAnalytics(clickhouse: ClickHouse, all: readonly SessionCopies[], key: Uint8Array): Promise<void> {
  const events = all.flatMap(eventRows);
  await Promise.all([
    clickhouse.insert(tables.sessions, all.map((copies) => sessionRow(copies, key))),
    events.length === 0 ? undefined : clickhouse.insert(tables.events, events),
  ]);
}

function sessionRow({ state, view }: SessionCopies, key: Uint8Array): SessionRow {
  const after = (at: number | null | undefined): number => (at == null ? 0 : Math.max(at - state.created_at, 0));
  const reached = (stage: StageName): number => after(state.stages[stage]);
  return {
    tenant: state.tenant, session_id: state.session_id, version: state.revision, started_at: state.created_at, flow: view.flow.id,
    flow_version: view.flow.version, language: state.language, segment: state.segment, client: state.tenant, state: state.state,
    stage: stageNumbers[view.stage], engaged_ms: reached('engaged'), recommendations_generated_ms: reached('recommendations_generated'),
    approval_decision_ms: reached('approval_decision'), completed_ms: reached('completed'), abandoned_ms: after(state.abandoned_at),
    ended_ms: after(state.ended_at), last_question: view.question?.id ?? '', answers: view.answers_count,
    repeats: Object.values(state.asked).reduce((sum, times) => sum + times - 1, 0), errors: state.refusals,
    user_key: createHmac('sha256', key).update(`${state.tenant}\n${state.owner}`).digest('hex').slice(0, 32), origin: 'workflow',
    is_deleted: 0,
  };
}

function eventRows({ state, events }: SessionCopies): EventRow[] {
  return events.map((event) => ({
    tenant: state.tenant, session_id: state.session_id, session_started_at: state.created_at, seq: event.sequence, ts: event.at,
    event: event.event,
    question_id: event.question_id, properties: event.properties,
    event_id: createHash('sha256').update(`${state.session_id}:${event.sequence}`).digest().readBigUInt64BE(0).toString(),
  }));
}
