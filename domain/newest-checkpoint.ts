/** What the newest checkpoint restores, as every source has it: the session's history, Redis for an hour, the archive for ever. */
import type { Json } from './json.ts';
import type { SessionState } from './session-state.ts';

export interface NewestCheckpoint {
  readonly version: number;
  readonly created_at: number;
  readonly hash: string;
  /** That counted, by question. */
  readonly answers: Readonly<Record<string, Json>>;
  readonly ui_state: Json;
}

/** Of a state that was saved, or carried over. null: it has none. */
export function newestCheckpoint(state: Pick<SessionState, 'checkpoints' | 'answers' | 'ui_states'>): NewestCheckpoint | null {
  const newest = state.checkpoints.at(-1);
  if (newest === undefined) return null;
  const { version, created_at, hash } = newest;
  const counted = new Set(newest.current);
  return {
    version, created_at, hash,
    answers: Object.fromEntries(
      state.answers.filter(({ sequence }) => counted.has(sequence)).map(({ question_id, value }) => [question_id, value]),
    ),
    ui_state: uiStateAt(state, version),
  };
}

/** As it was saved with this version or the newest one before it. */
export function uiStateAt({ ui_states: kept }: Pick<SessionState, 'ui_states'>, version: number): Json {
  return kept.findLast(([known]) => known <= version)?.[1] ?? null;
}
