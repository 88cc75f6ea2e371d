/** Writes the copies of sessions: PostgreSQL (archive), Redis (hot copy), ClickHouse (analytics), each in batches over all sessions. */
import type { Logger } from 'pino';
import { foreign, keyOf, symbolOf } from '../analytics/history.ts';
import { tables, type SessionRow } from '../analytics/rows.ts';
import { readHistories } from '../analytics/intake/session-histories.ts';
import { eventRows, historyColumns, sessionRow } from '../analytics/intake/session-row.ts';
import { currentAnswers } from '../domain/answer-log.ts';
import type { Checkpoint } from '../domain/checkpoint.ts';
import { closedAnswers, type ClosedAnswers } from '../domain/closed-answers.ts';
import type { FlowRules } from '../domain/flow.ts';
import type { SessionView } from '../domain/message.ts';
import { newestCheckpoint, uiStateAt } from '../domain/newest-checkpoint.ts';
import { wholeCopies, type SessionCopies, type ToldCopies } from '../domain/session-copy.ts';
import type { CheckpointContent, SessionState } from '../domain/session-state.ts';
import { saveCheckpoints } from '../stores/postgres/checkpoints.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import { openJson, sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { HotCopies, HotCopy } from '../stores/redis/hot-copies.ts';
import type { Database } from '../stores/postgres/database.ts';
import { noteReminders } from '../stores/postgres/interventions.ts';
import { dropReminders, queueEvents } from '../stores/postgres/outgoing-events.ts';
import {
  appendHistories, saveEvents, type HistoryPart, type HistorySymbols, type SealedEvents,
} from '../stores/postgres/session-histories.ts';
import type { SessionSignals } from '../stores/redis/session-signals.ts';
import { findSnapshots, saveSessions } from '../stores/postgres/sessions.ts';
import { Batch } from './batch.ts';
import { remindersIn } from './outbox/reminder-notes.ts';
import { outgoingEventsOf } from './outbox/session-events.ts';

export interface CopyWriter {
  /** Resolves with true when every store has it; repeating it does no harm. false: the archive does not have what it goes on from. */
  write(told: ToldCopies): Promise<boolean>;
}

export interface CopyWriterOptions {
  readonly db: Database;
  readonly clickhouse: ClickHouse;
  readonly hotCopies: HotCopies;
  readonly signals: SessionSignals;
  readonly sealer: Sealer;
  readonly symbols: HistorySymbols;
  readonly rulesOf: RulesOf;
  readonly log: Logger;
  readonly waitMs: number;
  readonly maxRows: number;
  /** Keys the pseudonym of a person. */
  readonly pseudonymKey: Uint8Array;
  /** Events are to be sent to EVENT_WEBHOOK_URL. */
  readonly keepEvents: boolean;
}

export function createCopyWriter(options: CopyWriterOptions): CopyWriter {
  const { hotCopies, signals, log, waitMs, maxRows } = options;
  const archive = new Batch<SessionCopies>({
    waitMs: 0, maxItems: maxRows, store: (all) => archiveSessions(options, all, options.keepEvents),
  });
  const hot = new Batch<HotCopy>({ waitMs: 0, maxItems: maxRows, store: async (all) => {
    await hotCopies.put(all);
    await signals.publish(all.map(({ view }) => view));
  } });
  const analytics = new Batch<SessionCopies>({
    waitMs, maxItems: maxRows, store: (all) => saveAnalytics(options, all),
  });
  const snapshots = new Batch<WantedSnapshot>({ waitMs: 0, maxItems: maxRows, store: (all) => readSnapshots(options.db, all) });
  const whole = async (told: ToldCopies): Promise<SessionCopies | null> => {
    if ('state' in told) return told;
    const { tenant, session_id: id } = told.view;
    const wanted: WantedSnapshot = { session_id: id, snapshot: null };
    await snapshots.add(wanted);
    // each opens its own: one that cannot be opened is no other's affair
    const stored = wanted.snapshot === null ? null
      : openJson<SessionState>(options.sealer, wanted.snapshot, sealedAs.snapshot(tenant, id));
    return wholeCopies(told, stored);
  };
  return {
    write: async (told) => {
      const copies = await whole(told);
      if (copies === null) return false;
      await Promise.all([
        // what analytics writes is made of what the archive has
        archive.add(copies).then(() => analytics.add(copies)),
        hot.add({ view: copies.view, checkpoint: newestCheckpoint(copies.state) }).catch(() => {
          log.debug('a hot copy was not written: Redis does not answer');
        }),
      ]);
      return true;
    },
  };
}

interface WantedSnapshot { readonly session_id: string; snapshot: Uint8Array | null }

/** As the archive has them. */
async function readSnapshots(db: Database, all: readonly WantedSnapshot[]): Promise<void> {
  const found = await findSnapshots(db, all.map(({ session_id: id }) => id));
  for (const wanted of all) wanted.snapshot = found.get(wanted.session_id) ?? null;
}

interface ArchiveStores { readonly db: Database; readonly sealer: Sealer; readonly symbols: HistorySymbols }

/** `keepEvents`: events are to be told to somebody. Repeating it does no harm, and an older copy replaces no newer one. */
export async function archiveSessions(
  { db, sealer, symbols }: ArchiveStores, all: readonly SessionCopies[], keepEvents: boolean,
): Promise<void> {
  const histories = await historyParts(symbols, all);
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
    await saveEvents(tx, sealedEvents(sealer, all));
    await appendHistories(tx, histories);
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

/** In order of the sessions' events, as long as the copies of one session come so. */
async function historyParts(symbols: HistorySymbols, all: readonly SessionCopies[]): Promise<readonly HistoryPart[]> {
  const told = all.filter(({ events }) => events.length > 0);
  const tenants = Map.groupBy(told, ({ state }) => state.tenant);
  const numbers = new Map(await Promise.all([...tenants].map(async ([tenant, copies]) => [
    tenant, await symbols.take(tenant, new Set(copies.flatMap(({ events }) => events.map(keyOf)))),
  ] as const)));
  return told.map(({ state: { tenant, session_id }, events }) => ({
    tenant, session_id, first_sequence: events[0]?.sequence ?? 0, times: events.map(({ at }) => at),
    symbols: events.map((event) => symbolAt(numbers.get(tenant)?.get(keyOf(event)))).join(''),
  }));
}

function symbolAt(number: number | undefined): string {
  return number === undefined ? foreign : symbolOf(number);
}

function sealedEvents(sealer: Sealer, all: readonly SessionCopies[]): SealedEvents[] {
  return all.flatMap(({ state: { tenant, session_id }, events }) => {
    const [first, last] = [events[0]?.sequence, events.at(-1)?.sequence];
    if (first === undefined || last === undefined) return [];
    const sealed = sealer.seal(encode(events), sealedAs.events(tenant, session_id, first));
    return [{ tenant, session_id, first_sequence: first, last_sequence: last, events: sealed }];
  });
}

export type RulesOf = (tenant: string, flow: SessionView['flow']) => Promise<FlowRules | null>;

/** What rows of sessions are made with. */
export interface RowStores {
  readonly db: Database;
  readonly symbols: HistorySymbols;
  readonly rulesOf: RulesOf;
  readonly pseudonymKey: Uint8Array;
}
export type StateAndView = Pick<SessionCopies, 'state' | 'view'>;

async function saveAnalytics(stores: RowStores & { readonly clickhouse: ClickHouse }, all: readonly SessionCopies[]): Promise<void> {
  const rows = await sessionRows(stores, all);
  const events = all.flatMap(({ state, events: told }) => eventRows(state, told));
  await Promise.all([
    stores.clickhouse.insert(tables.sessions, rows), events.length === 0 ? undefined : stores.clickhouse.insert(tables.events, events),
  ]);
}

/** As ClickHouse has them, in the order of the sessions; their histories are read from PostgreSQL. */
export async function sessionRows(stores: RowStores, all: readonly StateAndView[]): Promise<readonly SessionRow[]> {
  const [histories, answers] = await Promise.all([
    readHistories(stores, all.map(({ state }) => state)),
    Promise.all(all.map(async ({ state, view }) => closedAnswersOf(await stores.rulesOf(state.tenant, view.flow), state))),
  ]);
  return all.map(({ state, view }, at) => {
    const known = histories.get(state.session_id);
    const whole = known !== undefined && known.last_sequence >= state.event_sequence ? known : null;
    const columns = historyColumns(whole?.history ?? null, whole?.symbols ?? new Map());
    return sessionRow(state, view, columns, answers[at] ?? {}, stores.pseudonymKey);
  });
}

function closedAnswersOf(rules: FlowRules | null, state: SessionState): ClosedAnswers {
  return rules === null ? {} : closedAnswers(rules, currentAnswers(state));
}
