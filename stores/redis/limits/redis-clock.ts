/**
 * Redis's clock as this process sees it, for the deadlines of commands. Neither this machine's wall clock nor its offset to
 * Redis's is trusted: what counts is what Redis said, and the monotonic clock since. An answer says of the offset only within
 * what bounds it was: how far they lie apart is how long the answer took to be heard.
 */
export class RedisClock {
  /** Redis's time minus ours; never more than the truth, so that a deadline is never late. */
  private offset: number | null = null;

  /** Redis's time at which a command that is sent now has taken too long; 0 while Redis has not said its time yet. */
  deadline(sentAtMs: number, timeoutMs: number): number {
    return this.offset === null ? 0 : Math.max(1, Math.floor(this.offset + sentAtMs + timeoutMs));
  }

  /**
   * A busy process hears late and so learns little; what it knew better stands until an answer contradicts it: a clock that was
   * set back.
   */
  learn(redisNowMs: number, sentAtMs: number, receivedAtMs: number): void {
    const [least, most] = [redisNowMs - receivedAtMs, redisNowMs - sentAtMs];
    if (this.offset === null || least > this.offset || most < this.offset - 1) this.offset = least;
  }
}
