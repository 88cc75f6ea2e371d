/** A redrive as it is asked for, and as it is seen. */

export const redriveResults = ['succeeded', 'failed', 'not_parked', 'max_retries_exceeded'] as const;
export type RedriveResult = (typeof redriveResults)[number];

export const redriveStatuses = ['running', 'paused', 'completed', 'stopped', 'aborted'] as const;
/** stopped: too many of those tried had failed. */
export type RedriveStatus = (typeof redriveStatuses)[number];

export interface RedriveInput {
  readonly redrive_id: string;
  readonly tenant: string;
  readonly actor: string;
  readonly reason: string;
  /** Those that matched when it began; later ones are not part of it. At most counts.redrive_tasks. */
  readonly task_ids: readonly string[];
  /** So many first, and no more before all of them have ended. 0: none. */
  readonly canary: number;
  /** 0..1: it stops when more than this share of those that ended has failed. */
  readonly stop_at_failure_share: number;
  readonly rate_per_second: number;
}

export interface RedriveItem { readonly task_id: string; readonly result: RedriveResult }

export interface RedriveState {
  readonly redrive_id: string;
  readonly status: RedriveStatus;
  readonly matched: number;
  /** So many first, of those that matched. Absent in what a run of before answers. */
  readonly canary?: number;
  readonly succeeded: number;
  /** Parked again, or refused: no longer parked, or over its retries. */
  readonly failed: number;
  /** Not begun, and those whose outcome is not known yet. */
  readonly remaining: number;
  /** Why it stopped, in plain words. */
  readonly note: string | null;
  readonly results: readonly RedriveItem[];
}
