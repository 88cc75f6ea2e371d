/**
 * Where decided changes go: prepare, apply, read back, undo. Two kinds: tables of ours, whose steps run inside one
 * transaction with the changeset's own rows, and a system of the caller's, which knows no transaction with us, so that each
 * step is recorded and taken back when a later one fails.
 */
import type { Change } from '../../domain/changeset.ts';
import { sameValue } from '../../domain/json.ts';
import { targetSchemas, type TargetType, type TargetValues } from '../../domain/recommendation.ts';
import type { Database, Queries } from '../postgres/database.ts';

export interface TargetRef { readonly target_type: string; readonly target_key: string }

export interface TargetChange extends Omit<Change, 'recommendation_id' | 'target' | keyof TargetRef>, TargetRef {
  /** Names this one application of the change: the Idempotency-Key of a remote target. */
  readonly change_id: string;
}

/** `changeset_id` is null when a proposal only looks. */
export interface ChangeScope { readonly tenant: string; readonly changeset_id: string | null }

/** By `type:key`; null: not there. Has every target that was asked for. */
export type CurrentValues = ReadonlyMap<string, TargetValues | null>;

export interface ChangeSteps {
  /** Announces changes and returns what their targets hold now. Nothing changes. */
  prepare(changes: readonly TargetChange[]): Promise<CurrentValues>;
  /** Idempotent by change_id. */
  apply(change: TargetChange): Promise<void>;
  read(targets: readonly TargetRef[]): Promise<CurrentValues>;
  /** Puts `before` back in the place of `expected`. Idempotent by change_id; without effect for a change never applied. */
  undo(change: TargetChange, expected: TargetValues | null): Promise<void>;
}

/** `name` is kept with each changeset: it is rolled back where it was applied, or not at all. */
export interface TransactionalTarget {
  readonly name: string;
  readonly isTransactional: true;
  readonly steps: (tx: Queries, scope: ChangeScope) => ChangeSteps;
}
export interface RemoteTarget {
  readonly name: string;
  readonly isTransactional: false;
  readonly steps: (scope: ChangeScope) => ChangeSteps;
}
export type ChangeTarget = TransactionalTarget | RemoteTarget;

export interface ChangeTargetErrorDetails { readonly status?: number; readonly retryAfterMs?: number | null; readonly cause?: unknown }

/**
 * A remote target did not do what it was asked. `unreachable`: no answer, or one that says later; whether it had its effect
 * is unknown. `refused`: it said no, and nothing happened. `wrong_answer`: it said yes, but what it says or holds is not what
 * was asked. `busy`: another changeset is under way.
 */
export class ChangeTargetError extends Error {
  override readonly name = 'ChangeTargetError';
  readonly kind: 'unreachable' | 'refused' | 'wrong_answer' | 'busy';
  /** HTTP status of its answer, or null. */
  readonly status: number | null;
  readonly retryAfterMs: number | null;
  constructor(kind: ChangeTargetError['kind'], message: string, details: ChangeTargetErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.status = details.status ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }
}

export function nameOf(target: TargetRef): string {
  return `${target.target_type}:${target.target_key}`;
}

/** What targets hold now, for a proposal. */
export async function currentValues(
  db: Database, target: ChangeTarget, tenant: string, targets: readonly TargetRef[],
): Promise<CurrentValues> {
  const scope = { tenant, changeset_id: null };
  if (targets.length === 0) return new Map();
  return target.isTransactional ? db.asTenant(tenant).transaction((tx) => target.steps(tx, scope).read(targets))
    : target.steps(scope).read(targets);
}

/** Names of the changes whose targets do not hold what `expected` says. */
export function differing(
  changes: readonly TargetChange[], current: CurrentValues, expected: (change: TargetChange) => TargetValues | null,
): string[] {
  return changes.filter((change) => !sameValues(change.target_type, current.get(nameOf(change)) ?? null, expected(change))).map(nameOf);
}

export function sameValues(type: string, one: TargetValues | null, other: TargetValues | null): boolean {
  return sameValue(knownValues(type, one), knownValues(type, other));
}

/** What this kind of target may hold: a system of the caller's keeps fields of its own beside, and writes null for absent ones. */
export function knownValues(type: string, values: TargetValues | null): TargetValues | null {
  if (values === null) return null;
  const schema = targetSchemas[type as TargetType] as object | undefined;
  return Object.fromEntries(
    Object.entries(values).filter(([field, value]) => value !== null && (schema === undefined || Object.hasOwn(schema, field))),
  );
}
