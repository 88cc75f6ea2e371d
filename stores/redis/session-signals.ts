/**
 * Word between processes that a session has changed, by Redis: a signal says only that, never what, so nothing a person
 * said goes through it. It is best effort; who listens asks the session itself and asks again now and then anyway.
 */
import { Redis } from 'ioredis';

export interface SessionName { readonly tenant: string; readonly session_id: string }

export interface SessionSignals {
  /** Rejects when Redis does not answer. */
  publish(sessions: readonly SessionName[]): Promise<void>;
}

const channelOf = ({ tenant, session_id: id }: SessionName): string => `changed:${encodeURIComponent(tenant)}:${id}`;

export function createSessionSignals(redis: Redis): SessionSignals {
  return {
    publish: async (sessions) => {
      const pipeline = redis.pipeline();
      for (const channel of new Set(sessions.map(channelOf))) pipeline.publish(channel, '');
      await pipeline.exec();
    },
  };
}

/** A frozen Redis looks like a quiet one, so it is asked this often while somebody listens. */
const pingMs = 3_000;
const timeoutMs = 1_000;

/** Listens on one connection of its own, which can do nothing else, to the sessions that somebody in this process follows. */
export class SessionListener {
  private readonly redis: Redis;
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly timer: NodeJS.Timeout;
  private alive = false;

  constructor(url: string) {
    this.redis = new Redis(url, {
      enableOfflineQueue: false, maxRetriesPerRequest: 0, connectTimeout: 500, commandTimeout: timeoutMs, autoResubscribe: false,
      retryStrategy: (attempt: number) => Math.min(50 * 2 ** attempt, 1_000),
    });
    this.redis.on('message', (channel: string) => { this.ring(channel); });
    this.redis.on('ready', () => { void this.resubscribe(); });
    this.redis.on('close', () => { this.become(false); });
    this.redis.on('error', () => { this.become(false); });
    this.timer = setInterval(() => { void this.ping(); }, pingMs);
    this.timer.unref();
  }

  /** Whether signals arrive. Listeners are called when this changes. */
  get isLive(): boolean { return this.alive; }

  /** Calls `changed` at each signal, and whenever one may have been missed. Returns the stopper. */
  listen(session: SessionName, changed: () => void): () => void {
    const channel = channelOf(session);
    const others = this.listeners.get(channel);
    if (others === undefined) {
      this.listeners.set(channel, new Set([changed]));
      // what happened before the subscription took hold is asked for after it
      this.redis.subscribe(channel).then(() => { this.ring(channel); }, () => { this.become(false); });
    } else {
      others.add(changed);
    }
    return () => { this.leave(channel, changed); };
  }

  close(): Promise<void> {
    clearInterval(this.timer);
    this.redis.disconnect();
    return Promise.resolve();
  }

  private leave(channel: string, changed: () => void): void {
    const present = this.listeners.get(channel);
    if (present?.delete(changed) !== true || present.size > 0) return;
    this.listeners.delete(channel);
    // away: a new connection subscribes to what is listened to by then
    this.redis.unsubscribe(channel).catch(() => undefined);
  }

  private async resubscribe(): Promise<void> {
    try {
      const channels = [...this.listeners.keys()];
      if (channels.length > 0) await this.redis.subscribe(...channels);
      this.become(true);
    } catch {
      this.become(false);
    }
  }

  /** Also the way back after a subscription failed on a connection that stands. */
  private async ping(): Promise<void> {
    if (this.redis.status !== 'ready') return this.become(false);
    if (!this.alive) return this.resubscribe();
    if (this.listeners.size > 0) await this.redis.ping().catch(() => { this.become(false); });
  }

  private become(alive: boolean): void {
    if (this.alive === alive) return;
    this.alive = alive;
    for (const channel of this.listeners.keys()) this.ring(channel);
  }

  private ring(channel: string): void {
    for (const changed of this.listeners.get(channel) ?? []) changed();
  }
}
