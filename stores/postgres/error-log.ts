/**
 * Gathers errors in memory, counted by fingerprint and hour, and writes them to PostgreSQL in batches. Whoever records is
 * never kept waiting and never fails. While PostgreSQL is away the counts wait here, up to a bound: of what has a place
 * already every further occurrence is counted, what has none any more is dropped and counted as dropped.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { classify } from '../../domain/error-classification.ts';
import type { ErrorCategory, ErrorSeverity } from '../../domain/error-category.ts';
import { evidenceOf } from '../../domain/error-evidence.ts';
import { scrub } from '../../domain/error-fingerprint.ts';
import { addErrors, forgetErrors, type CountedErrors } from './error-patterns.ts';
import { isTenantName, type Database } from './database.ts';

export interface LoggedError {
  /** '': of work for no tenant, which no list shows. What is no name of a tenant is dropped. */
  readonly tenant: string;
  readonly task_name: string;
  readonly category: ErrorCategory;
  readonly severity: ErrorSeverity;
  readonly fingerprint: string;
  /** Scrubbed here again, since a slip of a caller would stay for weeks. */
  readonly message: string;
  readonly exception_type: string;
  /** null: of no session. What is no UUID counts as null. */
  readonly session_id: string | null;
  /** Epoch milliseconds. */
  readonly at: number;
}

export interface ErrorLogOptions {
  readonly db: Database;
  readonly log: Logger;
  readonly now: () => number;
  /** Longest wait of an error before it is written. */
  readonly flushMs?: number;
  /** Fingerprints and hours that wait, and ids of sessions that wait. */
  readonly maxPatterns?: number;
  readonly maxSessions?: number;
  readonly keepDays?: number;
}

/** Errors that were recorded and will not be in the log; and those that are in it, but without their session. */
export interface Dropped { readonly errors: number; readonly sessions: number }

interface Counted extends CountedErrors { count: number; first_seen: number; last_seen: number; readonly sessions: Set<string> }
interface Batch { readonly id: string; readonly rows: readonly CountedErrors[] }

const hourMs = 3_600_000;
const longestPauseMs = 30_000;
/** The longest time that can be asked for, and as much before it to compare with. */
const keptDays = 62;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export class ErrorLog {
  private readonly options: Required<ErrorLogOptions>;
  private gathered = new Map<string, Counted>();
  private sessions = 0;
  /** What is being written, or waits for its next try: the same rows under the same id. */
  private batch: Batch | null = null;
  private writing: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private failures = 0;
  private forgotten = 0;
  private lost = { errors: 0, sessions: 0 };
  private reported = 0;
  private closed = false;

  constructor(options: ErrorLogOptions) {
    this.options = { flushMs: 1_000, maxPatterns: 2_000, maxSessions: 20_000, keepDays: keptDays, ...options };
  }

  record(error: LoggedError): void {
    const at = Number.isFinite(error.at) ? error.at : this.options.now();
    const hour = Math.floor(at / hourMs) * hourMs;
    const key = `${error.tenant}\n${error.fingerprint}\n${hour}`;
    const known = this.gathered.get(key) ?? this.placeFor(key, error, hour, at);
    if (known === null) {
      this.lost.errors += 1;
      return;
    }
    known.count += 1;
    known.first_seen = Math.min(known.first_seen, at);
    known.last_seen = Math.max(known.last_seen, at);
    this.addSession(known, error.session_id);
    this.writeIn(this.options.flushMs);
  }

  /** Errors that will not be in the log. */
  get dropped(): Dropped {
    return { ...this.lost };
  }

  /** Writes what has been recorded so far, one try for each batch. Never rejects; false: something still waits. */
  async flush(): Promise<boolean> {
    await this.writing;
    while (this.batch !== null || this.gathered.size > 0) {
      const failures = this.failures;
      await this.write();
      if (this.failures > failures) return false;
    }
    return true;
  }

  /** Writes what waits, one try. What cannot be written then is dropped, as is what is recorded later. */
  async close(): Promise<void> {
    this.closed = true;
    this.stopTimer();
    if (await this.flush()) return;
    this.stopTimer();
    this.drop([...(this.batch?.rows ?? []), ...this.gathered.values()], 'the error log closes while PostgreSQL is away');
    this.batch = null;
    this.gathered.clear();
  }

  private placeFor(key: string, error: LoggedError, hour: number, at: number): Counted | null {
    const waiting = this.gathered.size + (this.batch?.rows.length ?? 0);
    if (this.closed || waiting >= this.options.maxPatterns || !(error.tenant === '' || isTenantName(error.tenant))) return null;
    const counted = {
      tenant: error.tenant, fingerprint: plain(error.fingerprint), hour, task_name: plain(error.task_name), category: error.category,
      severity: error.severity,
      exception_type: plain(error.exception_type), message: scrub(error.message), count: 0, first_seen: at, last_seen: at,
      sessions: new Set<string>(),
    };
    this.gathered.set(key, counted);
    return counted;
  }

  private addSession({ sessions }: Counted, id: string | null): void {
    if (id === null || !uuid.test(id) || sessions.has(id)) return;
    if (this.sessions >= this.options.maxSessions) {
      this.lost.sessions += 1;
      return;
    }
    sessions.add(id);
    this.sessions += 1;
  }

  private writeIn(ms: number): void {
    if (this.timer !== null || this.writing !== null || this.closed) return;
    this.timer = setTimeout(() => { this.timer = null; void this.write(); }, ms);
    // a process that has nothing else to do may end: close() writes what waits
    this.timer.unref();
  }

  private stopTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private write(): Promise<void> {
    this.writing ??= this.writeOnce().finally(() => {
      this.writing = null;
      if (this.batch !== null) this.writeIn(Math.min(this.options.flushMs * 2 ** Math.min(this.failures, 20), longestPauseMs));
      else if (this.gathered.size > 0) this.writeIn(this.options.flushMs);
    });
    return this.writing;
  }

  private async writeOnce(): Promise<void> {
    if (this.batch === null) {
      this.batch = { id: randomUUID(), rows: [...this.gathered.values()] };
      this.gathered = new Map();
    }
    const { id, rows } = this.batch;
    try {
      await addErrors(this.options.db, id, rows);
      this.failures = 0;
      this.settle(rows);
      await this.forget();
    } catch (error) {
      const found = classify(evidenceOf(error));
      if (found.retryable) this.failures += 1;
      else {
        this.settle(rows);
        this.drop(rows, `the error log cannot be written: ${found.matched_by}`);
      }
    }
    this.report();
  }

  private settle(rows: readonly CountedErrors[]): void {
    this.batch = null;
    for (const { sessions } of rows) this.sessions -= sessions.size;
  }

  private drop(rows: readonly CountedErrors[], why: string): void {
    this.lost.errors += rows.reduce((sum, { count }) => sum + count, 0);
    this.options.log.warn({ dropped: this.lost.errors }, why);
    this.reported = this.lost.errors;
  }

  private report(): void {
    if (this.lost.errors === this.reported) return;
    this.options.log.warn({ dropped: this.lost.errors }, 'the error log had no place left for some errors');
    this.reported = this.lost.errors;
  }

  /** Once an hour. */
  private async forget(): Promise<void> {
    if (this.options.now() - this.forgotten < hourMs) return;
    this.forgotten = this.options.now();
    await forgetErrors(this.options.db, this.options.keepDays).catch(() => { this.options.log.debug('old errors are forgotten later'); });
  }
}

/** PostgreSQL takes no U+0000 and no half characters. */
function plain(text: string): string {
  return text.slice(0, 200).replaceAll('\u0000', '').toWellFormed();
}
