/**
 * The audit log as the pipeline writes it: one entry a request of a route that declares `audit`, and of every refusal
 * below /admin, successes and refusals alike.
 *
 * 1. An act that changes something is begun in the store before it happens; while the store is away it answers 503 and
 *    nothing has happened. Its entry is written before its answer is sent. Should the store go away in between, the act
 *    stands, its answer is sent, and the sweep writes the entry from what was begun.
 * 2. A reading is written before it is sent: what cannot be audited is not shown (503).
 * 3. A refusal is answered also when it cannot be written: nothing has happened, and the log file has it.
 * 4. A repeat that is answered from memory (Idempotency-Key) is no second act.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { holds, type Actor } from '../domain/message.ts';
import { personOf } from '../domain/person.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { addAudit, beginAudit, dropAudit, type AuditEntry } from '../stores/postgres/audit.ts';
import type { Database } from '../stores/postgres/database.ts';
import type { Match } from './matcher.ts';
import type { Problem } from './problem.ts';
import type { AuditNote, AuditRule } from './route.ts';

export interface AuditOptions { readonly db: Database; readonly log: Logger }

/** A request of somebody whose act it may be. */
export interface Attempted {
  readonly actor: Actor;
  readonly correlationId: string;
  readonly method: string;
  /** Below the base. */
  readonly path: string;
  readonly match: Match;
}

const textMax = 1_000;
const targetMax = 200;

/** The act that a request is, or null for one that the log has no place for. */
export function auditedAct(options: AuditOptions, request: Attempted): Act | null {
  const { match, actor, method, path } = request;
  const rule = match.kind === 'found' ? match.route.declaration.audit : undefined;
  if (rule !== undefined) {
    const { action, when } = typeof rule === 'string' ? { action: rule, when: 'always' as const } : rule;
    return when === 'others' && !holds(actor, 'approver') ? null : new Act(options, request, action, when);
  }
  if (path !== '/admin' && !path.startsWith('/admin/')) return null;
  // without a declared name only refusals are of interest: somebody tried a door
  return new Act(options, request, match.kind === 'found' ? `${method.toLowerCase()} ${match.route.path}` : 'admin.unknown', 'refused');
}

/** When an entry is written: always, for what is somebody else's, or for refusals only. */
type When = Exclude<AuditRule, string>['when'] | 'always' | 'refused';

export class Act {
  private readonly options: AuditOptions;
  private readonly when: When;
  private readonly changes: boolean;
  private readonly own: string;
  private entry: AuditEntry;
  private note: AuditNote = {};
  private begun = false;

  constructor(options: AuditOptions, { actor, correlationId, path, match }: Attempted, action: string, when: When) {
    this.options = options;
    this.when = when;
    this.changes = match.kind === 'found' && match.route.method !== 'get';
    this.own = actor.tenant;
    this.entry = {
      id: randomUUID(), tenant: actor.tenant, actor: actor.subject, person: personOf(actor), roles: actor.roles, action,
      result: 'failed', status: null, correlation_id: correlationId, details: {},
      target: match.kind === 'found' ? targetOf(match.params) : scrubbed(path, targetMax), reason: null,
    };
  }

  /** The platform role acts in a tenant other than its own: the entry is that tenant's, and says where the actor is from. */
  in(actor: Actor): void {
    if (actor.tenant === this.own) return;
    this.entry = { ...this.entry, tenant: actor.tenant, details: { ...this.entry.details, actor_tenant: this.own } };
  }

  /** Takes the reason out of what was sent. Reads nothing else of it. */
  sent(...parts: readonly unknown[]): void {
    for (const part of parts) {
      if (typeof part === 'object' && part !== null && 'reason' in part && typeof part.reason === 'string') {
        this.entry = { ...this.entry, reason: scrubbed(part.reason, textMax) };
      }
    }
  }

  /** What the handler says of its act. */
  noted(note: AuditNote | undefined): void {
    this.note = note ?? {};
  }

  /** Before the handler. Throws StoreUnavailableError, and then nothing has happened. */
  async begin(): Promise<void> {
    if (!this.changes || this.when === 'refused') return;
    await beginAudit(this.options.db, this.entry);
    this.begun = true;
  }

  /** After the handler, before the answer. Throws StoreUnavailableError for a reading that cannot be written. */
  async answered(status: number, replayed: boolean): Promise<void> {
    const { note } = this;
    const theirOwn = this.when === 'others' && this.entry.tenant === this.own && note.owner === this.entry.actor;
    if (replayed || theirOwn || this.when === 'refused') return this.drop();
    const { target, reason, details } = this.entry;
    await this.write({
      ...this.entry, status, result: resultOf(status), target: note.target ?? target, details: { ...details, ...note.details },
      reason: note.reason === undefined ? reason : scrubbed(note.reason, textMax),
    }, this.changes);
  }

  /** The request ends in a problem. Never throws for the store. */
  async refused(problem: Problem): Promise<void> {
    const { status, code, cause } = problem;
    if (this.when === 'refused' && status !== 403) return;
    // asked again it would only keep the caller waiting; what was begun is swept into the log
    if (cause instanceof StoreUnavailableError && cause.store === 'postgresql') return this.lost(cause);
    await this.write({ ...this.entry, status, result: resultOf(status), details: { ...this.entry.details, code } }, true);
  }

  private async drop(): Promise<void> {
    if (this.begun) await dropAudit(this.options.db, this.entry).catch((error: unknown) => { this.lost(error); });
  }

  private async write(entry: AuditEntry, nothingToRefuse: boolean): Promise<void> {
    try {
      await addAudit(this.options.db, entry);
    } catch (error) {
      if (!nothingToRefuse) throw error;
      this.lost(error);
    }
  }

  private lost(error: unknown): void {
    const { id, tenant, action, correlation_id: correlationId } = this.entry;
    const err = { type: error instanceof Error ? error.name : typeof error };
    this.options.log.error({ err, audit_id: id, tenant, action, correlation_id: correlationId }, 'an audit entry was not written');
  }
}

function resultOf(status: number): AuditEntry['result'] {
  if (status < 400) return 'allowed';
  return status < 500 ? 'refused' : 'failed';
}

/** `{ session_id: 'x' }` → session:x; the last parameter is the one acted on. */
function targetOf(params: Readonly<Record<string, string>>): string | null {
  const last = Object.entries(params).at(-1);
  return last === undefined ? null : scrubbed(`${last[0].replace(/_id$/, '')}:${last[1]}`, targetMax);
}

/** Keys and tokens that were put where they do not belong, and characters no store can hold. */
function scrubbed(text: string, max: number): string {
  const printable = text.replaceAll(/\p{C}/gu, ' ');
  return printable.replaceAll(/gw_[0-9a-f]+_[0-9a-f_]*/gi, 'gw_…').replaceAll(/eyJ[\w-]+(\.[\w-]*)*/g, 'eyJ…').slice(0, max);
}
