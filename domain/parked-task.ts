/**
 * A task whose retries are exhausted: kept with its input and every attempt until somebody retries or discards it. A plain
 * class without an engine inside; its workflow is the truth, the table `tasks` a copy of it.
 */
import type { Attempt } from './attempts.ts';
import type { ErrorCategory, ErrorSeverity } from './error-category.ts';
import { bounds, counts, firstOf, textMax } from './bounds.ts';
import { isList, jsonBytes, sameValue, type Json } from './json.ts';
import { MessageRejected } from './message.ts';
import { Newest } from './newest.ts';

export const taskStatuses = ['parked', 'retrying', 'completed', 'discarded'] as const;
export type TaskStatus = (typeof taskStatuses)[number];

/** How a round ended. What the interceptor puts into the details of an activity's last failure. */
export interface TaskFailure {
  readonly category: ErrorCategory;
  readonly severity: ErrorSeverity;
  readonly unclassified: boolean;
  readonly exception_type: string;
  /** Scrubbed of personal data and cut. */
  readonly message: string;
  readonly fingerprint: string;
  readonly attempts: readonly Attempt[];
}

export interface TaskContext { readonly session_id: string | null; readonly user: string | null; readonly correlation_id: string }

/** An attempt with the round it belongs to: round 0 came by itself, each later one was asked for by somebody. */
export interface HistoryEntry extends Attempt {
  readonly round: number;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly input: 'original' | 'amended';
}

/** Who asked for a retry. An Update from the Temporal Web UI brings no verified actor. */
export interface RetryRequest {
  readonly actor?: string | null;
  readonly reason?: string | null;
  readonly force?: boolean;
  /** In place of the input it had. Whoever sends it has checked it; the task's own schema checks again. */
  readonly input?: Json;
  readonly priority?: TaskPriority | null;
  /** manual_retries as they were when the caller looked: a second click speaks of a round that is over. */
  readonly round?: number;
  /** Workflow that waits for the outcome. */
  readonly redrive?: string | null;
}

export const taskPriorities = ['low', 'normal', 'high'] as const;
export type TaskPriority = (typeof taskPriorities)[number];

export interface DiscardRequest { readonly actor?: string | null; readonly reason?: string | null }

interface Round { readonly actor: string; readonly reason: string | null; readonly priority: TaskPriority; readonly redrive: string | null }

/** Plain JSON: it travels through continue-as-new and, sealed, into the table. */
export interface ParkedTaskState {
  readonly format: 1;
  readonly task_id: string;
  readonly tenant: string;
  readonly task_name: string;
  readonly context: TaskContext;
  /** Workflow that waits for the result; null: nobody does. */
  readonly reply_to: string | null;
  readonly max_retries: number;
  /** Fields of the input, beside those that never change, that an amended one has to leave as they are. */
  readonly fixed?: readonly string[];
  readonly parked_at: number;
  status: TaskStatus;
  /** Counts every change; a copy of a lower one never replaces a higher one. */
  revision: number;
  input: Json;
  amended: boolean;
  failure: Omit<TaskFailure, 'attempts'>;
  history: HistoryEntry[];
  manual_retries: number;
  round: Round | null;
  updated_at: number;
  ended_at: number | null;
  discarded: { readonly actor: string; readonly reason: string | null } | null;
  /** Asked for while it was being retried: it is discarded when that fails. */
  discard_asked?: DiscardRequest | null;
  /** It succeeded when nobody waited any more: told here, applied nowhere. */
  succeeded_late_at: number | null;
}

/** What a waiting workflow is told. */
export type TaskOutcome =
  | { readonly kind: 'completed'; readonly output: Json }
  | { readonly kind: 'discarded'; readonly reason: string | null };

export interface Parking {
  readonly task_id: string;
  readonly tenant: string;
  readonly task_name: string;
  readonly input: Json;
  readonly context: TaskContext;
  readonly reply_to: string | null;
  readonly max_retries: number;
  readonly fixed?: readonly string[];
  readonly failure: TaskFailure;
}

export const webUiActor = 'temporal-ui';
/** Reason of a task whose result nobody waits for any more. */
export const superseded = 'superseded';
const system = 'system';
const cancelled: DiscardRequest = { reason: 'cancelled in Temporal' };
const alwaysFixed = ['tenant', 'session_id'] as const;

export class ParkedTask {
  readonly state: ParkedTaskState;
  /** Three rounds of at most ten attempts need thirty; forced ones may need more. */
  private readonly history: Newest<HistoryEntry>;

  /** `state` is changed in place. */
  constructor(state: ParkedTaskState) {
    this.state = state;
    this.history = new Newest(state.history, { count: counts.task_history, bytes: bounds.task_history });
  }

  static park(parking: Parking, now: number): ParkedTask {
    const { failure, ...rest } = parking;
    const task = new ParkedTask({
      ...rest, format: 1, parked_at: now, status: 'parked', revision: 1, amended: false, failure: summaryOf(failure), history: [],
      manual_retries: 0,
      round: null, updated_at: now, ended_at: null, discarded: null,
      succeeded_late_at: null,
    });
    task.note(failure.attempts);
    return task;
  }

  get ended(): boolean { return this.state.status === 'completed' || this.state.status === 'discarded'; }

  /** Nobody waits for its result any more. */
  get isSuperseded(): boolean { return this.state.discarded?.reason === superseded && this.state.discarded.actor === system; }

  /** Why it cannot be retried now, or null. */
  refusal(request: RetryRequest): 'not_parked' | 'max_retries_exceeded' | null {
    try {
      return this.checkRetry(request) ?? null;
    } catch (error) {
      if (error instanceof MessageRejected && (error.code === 'not_parked' || error.code === 'max_retries_exceeded')) return error.code;
      throw error;
    }
  }

  /** Throws MessageRejected: not_parked, max_retries_exceeded, input_invalid. */
  checkRetry(request: RetryRequest): undefined {
    this.checkParked(request.round);
    if (request.input !== undefined) this.checkAmended(request.input);
    const { manual_retries: retries, max_retries: max } = this.state;
    if (request.force !== true && retries >= max) {
      throw new MessageRejected(
        'max_retries_exceeded',
        `This task was retried ${retries} times by hand, and ${max} are allowed. Look for the cause first; force=true retries all the ` +
        `same.`,
      );
    }
  }

  retry(request: RetryRequest, now: number): void {
    const { state } = this;
    state.manual_retries += 1;
    state.round = {
      actor: actorOf(request), reason: reasonOf(request), priority: request.priority ?? 'normal', redrive: request.redrive ?? null,
    };
    if (request.input !== undefined) {
      state.input = request.input;
      state.amended = true;
    }
    this.become('retrying', now);
  }

  /** Throws MessageRejected: not_parked. */
  checkDiscard(): undefined {
    this.checkParked(undefined);
  }

  discard(request: DiscardRequest, now: number): void {
    this.state.discarded = { actor: actorOf(request), reason: reasonOf(request) };
    this.end('discarded', now);
  }

  /** Asked for in Temporal itself, where nobody can be refused: a round that is under way goes on, and its success counts. */
  cancel(now: number): void {
    if (this.state.status === 'parked') this.discard(cancelled, now);
    else if (!this.ended) this.state.discard_asked = cancelled;
  }

  /** Nobody waits for it any more. One that is being retried goes on, and its success changes nothing. */
  supersede(now: number): void {
    if (this.ended) return;
    this.state.discarded = { actor: system, reason: superseded };
    if (this.state.status === 'parked') this.end('discarded', now);
  }

  /** A round has failed. */
  failed(failure: TaskFailure, now: number): void {
    this.note(failure.attempts);
    this.state.failure = summaryOf(failure);
    const asked = this.state.discard_asked ?? null;
    if (this.state.discarded !== null) this.end('discarded', now);
    else if (asked !== null) this.discard(asked, now);
    else this.become('parked', now);
  }

  /** A round has succeeded. Returns whether anybody waits for the result. */
  succeeded(now: number): boolean {
    const wanted = this.state.discarded === null;
    if (!wanted) this.state.succeeded_late_at = now;
    this.end(wanted ? 'completed' : 'discarded', now);
    return wanted;
  }

  /** Whose task it is, and what others have approved, is not an operator's to change: not here, and not from the Web UI. */
  private checkAmended(input: Json): void {
    const bytes = jsonBytes(input);
    if (bytes > bounds.task_input) {
      throw new MessageRejected('input_invalid', `The input of a task has at most ${bounds.task_input} bytes. Nothing was retried.`, [{
        pointer: '/input', code: 'too_large', message: `This input has ${bytes} bytes.`, fix: 'Shorten it.',
      }]);
    }
    const changed = [...alwaysFixed, ...this.state.fixed ?? []].filter(
      (field) => !sameValue(fieldOf(input, field), fieldOf(this.state.input, field)),
    );
    if (changed.length === 0) return;
    const why = `An amended input of this task leaves ${changed.join(', ')} as it is. Nothing was retried.`;
    throw new MessageRejected('input_invalid', why, changed.map((field) => ({
      pointer: `/input/${field}`, code: 'fixed', message: `${field} cannot be amended.`,
      fix: 'Send the value as it was shown. To have something else done, discard the task and ask for it anew.',
    })));
  }

  private checkParked(round: number | undefined): void {
    const { status, manual_retries: retries } = this.state;
    if (status !== 'parked') {
      throw new MessageRejected('not_parked', `This task is ${status}, and only a parked one can be retried or discarded.`);
    }
    if (round !== undefined && round !== retries) {
      throw new MessageRejected('not_parked', 'This task was retried since you looked. Read it again.');
    }
  }

  private note(attempts: readonly Attempt[]): void {
    const { state } = this;
    const round = {
      round: state.manual_retries, actor: state.round?.actor ?? null, reason: state.round?.reason ?? null,
      input: state.amended ? 'amended' as const : 'original' as const,
    };
    for (const attempt of attempts) this.history.add({ ...attempt, ...round });
  }

  private end(status: 'completed' | 'discarded', now: number): void {
    this.state.ended_at = now;
    this.become(status, now);
  }

  private become(status: TaskStatus, now: number): void {
    this.state.status = status;
    this.state.updated_at = now;
    this.state.revision += 1;
  }
}

function fieldOf(input: Json, field: string): Json {
  return typeof input === 'object' && input !== null && !isList(input) && Object.hasOwn(input, field) ? input[field] ?? null : null;
}

function actorOf({ actor }: DiscardRequest): string {
  return firstOf(actor ?? webUiActor, textMax.actor);
}

function reasonOf({ reason }: DiscardRequest): string | null {
  return reason == null ? null : firstOf(reason, textMax.reason);
}

function summaryOf({ category, severity, unclassified, exception_type, message, fingerprint }: TaskFailure): Omit<TaskFailure, 'attempts'> {
  return { category, severity, unclassified, exception_type, message, fingerprint };
}
