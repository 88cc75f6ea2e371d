/**
 * Redis's clock as this process sees it, for the deadlines of commands. Neither this machine's wall clock nor its offset to
 * Redis's is trusted: what counts is what Redis said last, and the monotonic clock since.
 */

/** After this an estimate is taken anew, so that one from before the clock was set back is not believed for long. */
const believedMs = 5_000;

export class RedisClock {
  /** Redis's time minus ours; never more than the truth, so that a deadline is never late. */
  private offset: number | null = null;
  private learnedAt = 0;

  /** Redis's time at which a command that is sent now has taken too long; 0 while Redis has not said its time yet. */
  deadline(sentAtMs: number, timeoutMs: number): number {
    return this.offset === null ? 0 : Math.max(1, Math.floor(this.offset + sentAtMs + timeoutMs));
  }

  learn(redisNowMs: number, receivedAtMs: number): void {
    const offset = redisNowMs - receivedAtMs;
    if (this.offset !== null && offset < this.offset && receivedAtMs - this.learnedAt < believedMs) return;
    this.offset = offset;
    this.learnedAt = receivedAtMs;
  }
}
