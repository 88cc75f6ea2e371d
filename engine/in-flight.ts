/**
 * At most `limit` calls of one key under way, the rest wait in order. More than 10 Updates in flight on one session meet
 * 2-10 s of client back-off (the server takes 10 and refuses the 11th), so the queue is here.
 */
interface Lane { running: number; readonly waiting: (() => void)[] }

export class InFlight {
  private readonly limit: number;
  private readonly lanes = new Map<string, Lane>();

  constructor(limit: number) {
    this.limit = limit;
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const lane = this.lanes.get(key) ?? { running: 0, waiting: [] };
    this.lanes.set(key, lane);
    if (lane.running >= this.limit) await new Promise<void>((go) => { lane.waiting.push(go); });
    else lane.running += 1;
    try {
      return await work();
    } finally {
      const next = lane.waiting.shift();
      if (next !== undefined) next();
      else lane.running -= 1;
      if (lane.running === 0) this.lanes.delete(key);
    }
  }
}
