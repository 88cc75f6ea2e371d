/** A session as it was at one of its checkpoints, and what had changed since the checkpoint before. */
import type { Checkpoint } from './checkpoint.ts';
import { sameValue, type Json } from './json.ts';
import { stages, type StageName } from './lifecycle.ts';
import type { AnswerEntry, SessionState } from './session-state.ts';

/** An answer that counted then. */
export interface Said { readonly question_id: string; readonly value: Json; readonly answered_at: number }

/** answered: it had no answer before; amended: another one; superseded: it counts no more. */
export type AnswerChange = { readonly question_id: string } & (
  | { readonly change: 'answered'; readonly value: Json }
  | { readonly change: 'amended'; readonly value: Json; readonly previous_value: Json }
  | { readonly change: 'superseded'; readonly previous_value: Json }
);

/** Of a checkpoint what every store has. */
export type CheckpointSummary = Pick<Checkpoint, 'version' | 'kind' | 'label' | 'state' | 'progress_percent' | 'hash' | 'created_at'>;

export interface VersionAt {
  readonly checkpoint: CheckpointSummary;
  readonly stage: StageName;
  readonly answers: readonly Said[];
  readonly changes: readonly AnswerChange[];
}

export type VersionSource = Pick<SessionState, 'stages' | 'answers' | 'checkpoints' | 'unsaved'>;

/** null: the session itself keeps this version, or the one before it, no more. The archive has both then. */
export function versionIn(state: VersionSource, version: number): VersionAt | null {
  const find = (wanted: number): Checkpoint | undefined => state.checkpoints.find((kept) => kept.version === wanted)
    ?? state.unsaved.checkpoints.find((kept) => kept.version === wanted);
  const checkpoint = find(version);
  const before = version === 1 ? [] : find(version - 1)?.current;
  if (checkpoint === undefined || before === undefined) return null;
  return versionAt({ checkpoint, stages: state.stages, log: state.answers, current: checkpoint.current, before });
}

export interface VersionParts {
  readonly checkpoint: CheckpointSummary;
  readonly stages: SessionState['stages'];
  /** As far as the checkpoint at least. */
  readonly log: readonly AnswerEntry[];
  /** Entries of the log that counted at the checkpoint, and at the one before it. */
  readonly current: readonly number[];
  readonly before: readonly number[];
}

export function versionAt({ checkpoint, stages: reached, log, current, before }: VersionParts): VersionAt {
  const now = entriesOf(log, current);
  const then = entriesOf(log, before);
  const { version, kind, label, state, progress_percent, hash, created_at } = checkpoint;
  return {
    checkpoint: { version, kind, label, state, progress_percent, hash, created_at },
    stage: stages.findLast((name) => (reached[name] ?? Infinity) <= created_at) ?? 'started',
    answers: [...now.values()].map(({ question_id, value, answered_at }) => ({ question_id, value, answered_at })),
    changes: [
      ...[...now.values()].flatMap((entry) => changeTo(entry, then.get(entry.question_id))),
      ...[...then.values()].filter(({ question_id }) => !now.has(question_id)).map(
        ({ question_id, value }) => ({ question_id, change: 'superseded' as const, previous_value: value }),
      ),
    ],
  };
}

function entriesOf(log: readonly AnswerEntry[], sequences: readonly number[]): ReadonlyMap<string, AnswerEntry> {
  const counted = new Set(sequences);
  return new Map(log.filter(({ sequence }) => counted.has(sequence)).map((entry) => [entry.question_id, entry]));
}

function changeTo({ question_id, value }: AnswerEntry, previous: AnswerEntry | undefined): AnswerChange[] {
  if (previous === undefined) return [{ question_id, change: 'answered', value }];
  return sameValue(previous.value, value) ? [] : [{ question_id, change: 'amended', value, previous_value: previous.value }];
}
