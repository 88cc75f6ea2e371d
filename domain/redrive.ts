/** What a redrive does next: a plain class without an engine inside. */
import type { RedriveInput, RedriveItem, RedriveResult, RedriveState, RedriveStatus } from './redrive-state.ts';

/** Rounds under way at once. */
const inFlightMax = 50;
/** Fewer that ended say nothing about the share of failures, unless they are the whole canary. */
const judgedFrom = 3;

export class Redrive {
  status: RedriveStatus = 'running';
  private readonly input: RedriveInput;
  private readonly results = new Map<string, RedriveResult>();
  private begun = 0;
  private note: string | null = null;

  constructor(input: RedriveInput) {
    this.input = input;
    this.look();
  }

  get isOver(): boolean { return this.status === 'completed' || this.status === 'stopped' || this.status === 'aborted'; }

  /** Everything that was begun has ended. */
  get isSettled(): boolean { return this.results.size >= this.begun; }

  /** Not begun, and those whose outcome is not known yet. */
  get remaining(): number { return this.input.task_ids.length - this.results.size; }

  get mayBegin(): boolean {
    if (this.status !== 'running' || this.begun >= this.input.task_ids.length) return false;
    const underWay = this.begun - this.results.size;
    const canaryIsOut = this.input.canary > 0 && this.begun >= this.input.canary && this.results.size < this.input.canary;
    return underWay < inFlightMax && !canaryIsOut;
  }

  /** The next one to retry, or null. */
  begin(): string | null {
    if (!this.mayBegin) return null;
    const next = this.input.task_ids[this.begun] ?? null;
    this.begun += 1;
    return next;
  }

  ended(taskId: string, result: RedriveResult): void {
    const at = this.input.task_ids.indexOf(taskId);
    if (at < 0 || at >= this.begun || this.results.has(taskId)) return;
    this.results.set(taskId, result);
    this.look();
  }

  pause(): void { if (this.status === 'running') this.status = 'paused'; }

  resume(): void { if (this.status === 'paused') this.status = 'running'; }

  abort(): void {
    if (this.isOver) return;
    this.status = 'aborted';
    this.note = 'Aborted. What had been begun goes on to its own end.';
  }

  view(): RedriveState {
    const { redrive_id, task_ids, canary } = this.input;
    const results = [...this.results].map(([task_id, result]): RedriveItem => ({ task_id, result }));
    const succeeded = results.filter(({ result }) => result === 'succeeded').length;
    return {
      redrive_id, status: this.status, matched: task_ids.length, canary: Math.min(canary, task_ids.length), succeeded,
      failed: results.length - succeeded, remaining: this.remaining, note: this.note, results,
    };
  }

  private look(): void {
    const { task_ids: all, canary, stop_at_failure_share: share } = this.input;
    const ended = this.results.size;
    // tasks that ended meanwhile say nothing about what they depend on
    const judged = [...this.results.values()].filter((result) => result === 'succeeded' || result === 'failed');
    const failed = judged.filter((result) => result === 'failed').length;
    const enough = judged.length >= judgedFrom || (canary > 0 && ended >= canary && judged.length > 0);
    if (!this.isOver && ended < all.length && enough && failed / judged.length > share) {
      this.status = 'stopped';
      this.note = `Stopped: ${failed} of ${judged.length} that were tried have failed again, more than the share of ${share}. The others ` +
        `were not touched.`;
    }
    if (!this.isOver && ended >= all.length) this.status = 'completed';
  }
}
