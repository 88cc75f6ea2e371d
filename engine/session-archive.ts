/** Sessions that the engine cannot show: past retention, lost with its database, or behind an engine that does not answer. */
import { holds, MessageRejected, type Actor, type SessionView } from '../domain/message.ts';
import { newestCheckpoint, type NewestCheckpoint } from '../domain/newest-checkpoint.ts';
import { isEnded } from '../domain/lifecycle.ts';
import { notFound } from '../domain/session-core.ts';
import type { CheckpointContent, SessionState } from '../domain/session-state.ts';
import { versionAt, versionIn, type VersionAt } from '../domain/version.ts';
import { openJson, sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { HotCopies } from '../stores/redis/hot-copies.ts';
import type { Database } from '../stores/postgres/database.ts';
import { findCheckpoints } from '../stores/postgres/checkpoints.ts';
import { findSession, type ArchivedSession } from '../stores/postgres/sessions.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { type EngineUnavailableError } from './calls.ts';
import type { SessionRevival } from './session-revival.ts';

export interface SessionArchiveOptions {
  readonly db: Database;
  readonly hotCopies: HotCopies;
  readonly sealer: Sealer;
  readonly revival: Pick<SessionRevival, 'revive'>;
}

export interface ArchivedState { readonly state: SessionState; readonly view: SessionView }

export interface StaleCheckpoint {
  readonly view: SessionView;
  readonly checkpoint: NewestCheckpoint;
  readonly source: 'redis' | 'postgresql';
}

export class SessionArchive {
  private readonly options: SessionArchiveOptions;

  constructor(options: SessionArchiveOptions) {
    this.options = options;
  }

  async view(actor: Actor, sessionId: string): Promise<SessionView> {
    const archived = await this.find(actor, sessionId);
    return visible(actor, archived?.view ?? null, false);
  }

  /** Of one that the engine does not have. What was never archived is then nobody's any more, and ends. */
  async lastView(actor: Actor, sessionId: string): Promise<SessionView> {
    const archived = await this.find(actor, sessionId);
    const view = visible(actor, archived?.view ?? null, false);
    if (archived?.snapshot !== null || isEnded(view.state)) return view;
    await this.restore(actor, sessionId);
    return this.view(actor, sessionId);
  }

  private find(actor: Actor, sessionId: string): Promise<ArchivedSession | null> {
    return findSession(this.options.db, actor.tenant, sessionId, holds(actor, 'approver') ? null : actor.subject);
  }

  /** Throws not_found when there is such a session and the caller may not see it. */
  async checkVisible(actor: Actor, sessionId: string): Promise<void> {
    const archived = await findSession(this.options.db, actor.tenant, sessionId, null).catch(() => null);
    if (archived !== null) visible(actor, archived.view, true);
  }

  async state(actor: Actor, sessionId: string, approversToo: boolean): Promise<ArchivedState> {
    const archived = await this.find(actor, sessionId);
    const view = visible(actor, archived?.view ?? null, approversToo);
    if (archived?.snapshot == null) throw notFound();
    return {
      view,
      state: openJson<SessionState>(this.options.sealer, archived.snapshot, sealedAs.snapshot(view.tenant, sessionId)),
    };
  }

  /** A version that only the archive keeps. Throws checkpoint_not_found. */
  async version(actor: Actor, sessionId: string, version: number): Promise<{ owner: string; version: VersionAt }> {
    const { state, view } = await this.state(actor, sessionId, false);
    const kept = versionIn(state, version);
    if (kept !== null) return { owner: view.owner, version: kept };
    const found = await findCheckpoints(this.options.db, view.tenant, sessionId, [version - 1, version]);
    const opened = found.map(({ checkpoint, answers }) => ({
      checkpoint,
      content: openJson<CheckpointContent>(this.options.sealer, answers, sealedAs.checkpoint(view.tenant, sessionId, checkpoint.version)),
    }));
    const at = opened.find(({ checkpoint }) => checkpoint.version === version);
    const before = version === 1 ? [] : opened.find(({ checkpoint }) => checkpoint.version === version - 1)?.content.current;
    if (at === undefined || before === undefined) {
      throw new MessageRejected('checkpoint_not_found', 'This session has no checkpoint of this version.');
    }
    const { checkpoint, content: { answers: log, current } } = at;
    return { owner: view.owner, version: versionAt({ checkpoint, stages: state.stages, log, current, before }) };
  }

  /** Redis first, then the archive. With neither there is only the engine's own error. */
  async copy(actor: Actor, sessionId: string, error: EngineUnavailableError): Promise<SessionView> {
    const hot = await this.options.hotCopies.get(actor.tenant, sessionId).catch(() => null);
    // to whoever may not see it a copy that is there is none: the same is asked for it
    if (hot !== null && maySee(actor, hot, false)) return hot;
    try {
      return await this.view(actor, sessionId);
    } catch (second) {
      throw second instanceof StoreUnavailableError ? error : second;
    }
  }

  /** What a resume hands back while the engine is away: Redis first, then the archive. Only to whoever owns an open session. */
  async checkpoint(actor: Actor, sessionId: string, error: EngineUnavailableError): Promise<StaleCheckpoint> {
    const hot = await this.options.hotCopies.getWhole(actor.tenant, sessionId).catch(() => null);
    if (hot !== null && hot.view.owner === actor.subject && hot.checkpoint !== null) {
      return { view: open(hot.view), checkpoint: hot.checkpoint, source: 'redis' };
    }
    try {
      const { view, state } = await this.state(actor, sessionId, false);
      const checkpoint = newestCheckpoint(state);
      if (view.owner !== actor.subject) throw notFound();
      if (checkpoint === null) throw error;
      return { view: open(view), checkpoint, source: 'postgresql' };
    } catch (second) {
      throw second instanceof StoreUnavailableError ? error : second;
    }
  }

  /**
   * Begins an open session again whose workflow was lost or ended from outside. Returns where from, or null when there is no
   * run now. Throws not_found for whoever may not see it.
   */
  async restore(actor: Actor, sessionId: string): Promise<'history' | 'postgresql' | null> {
    const revival = await this.options.revival.revive(actor.tenant, sessionId, (view) => { visible(actor, view, true); });
    if (revival === 'restored') return 'postgresql';
    return revival === 'running' || revival === 'begun' ? 'history' : null;
  }
}

function open(view: SessionView): SessionView {
  if (isEnded(view.state)) throw new MessageRejected('wrong_state', `A session in state ${view.state} cannot be resumed.`);
  return view;
}

export function visible(actor: Actor, view: SessionView | null, approversToo: boolean): SessionView {
  if (view === null || !maySee(actor, view, approversToo)) throw notFound();
  return view;
}

function maySee(actor: Actor, view: SessionView, approversToo: boolean): boolean {
  return view.owner === actor.subject || holds(actor, 'admin') || (approversToo && holds(actor, 'approver'));
}
