/** The newest view of a session in Redis, for one hour: what readers get while the engine is away. */
import type { Redis } from 'ioredis';
import type { SessionView } from '../../domain/message.ts';
import { sealedAs, type Sealer } from '../../encryption/sealer.ts';

export interface HotCopies {
  /** Best effort: a hot copy can be lost. An older revision never replaces a newer one. */
  put(views: readonly SessionView[]): Promise<void>;
  /** The copy, or null when there is none. Throws when Redis does not answer or its key is missing. */
  get(tenant: string, sessionId: string): Promise<SessionView | null>;
  /** Whether Redis answers now; takes the command time-out at most. What is put while it does not is lost, not late. */
  areThere(): Promise<boolean>;
}

const ttlSeconds = 3_600;

const putScript = `
local known = redis.call('HGET', KEYS[1], 'revision')
if known and tonumber(known) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'view', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1`;

function keyOf(tenant: string, sessionId: string): string {
  return `session:${encodeURIComponent(tenant)}:${sessionId}`;
}

export function createHotCopies(redis: Redis, sealer: Sealer): HotCopies {
  return {
    put: async (views) => {
      const pipeline = redis.pipeline();
      for (const view of views) {
        const sealed = sealer.seal(Buffer.from(JSON.stringify(view)), sealedAs.view(view.tenant, view.session_id));
        pipeline.eval(putScript, 1, keyOf(view.tenant, view.session_id), view.revision, sealed, ttlSeconds);
      }
      await pipeline.exec();
    },
    get: async (tenant, sessionId) => {
      const sealed = await redis.hgetBuffer(keyOf(tenant, sessionId), 'view');
      return sealed === null ? null : JSON.parse(sealer.open(sealed, sealedAs.view(tenant, sessionId)).toString('utf8')) as SessionView;
    },
    areThere: () => redis.ping().then(() => true, () => false),
  };
}
