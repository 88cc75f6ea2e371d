/** The newest view and checkpoint of a session in Redis, for one hour: what readers get while the engine is away. */
import type { Redis } from 'ioredis';
import type { SessionView } from '../../domain/message.ts';
import type { NewestCheckpoint } from '../../domain/newest-checkpoint.ts';
import { openJson, sealedAs, type Sealer } from '../../encryption/sealer.ts';

/** Written together, and so of the same moment. `checkpoint` null: there is none yet. */
export interface HotCopy { readonly view: SessionView; readonly checkpoint: NewestCheckpoint | null }

export interface HotCopies {
  /** Best effort: a hot copy can be lost. An older revision never replaces a newer one. */
  put(copies: readonly HotCopy[]): Promise<void>;
  /** The view, or null when there is none. Throws when Redis does not answer or its key is missing. */
  get(tenant: string, sessionId: string): Promise<SessionView | null>;
  /** The same with its checkpoint. */
  getWhole(tenant: string, sessionId: string): Promise<HotCopy | null>;
  /** Whether Redis answers now; takes the command time-out at most. What is put while it does not is lost, not late. */
  areThere(): Promise<boolean>;
}

const ttlSeconds = 3_600;

const putScript = `
local known = redis.call('HGET', KEYS[1], 'revision')
if known and tonumber(known) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'view', ARGV[2], 'checkpoint', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1`;

function keyOf(tenant: string, sessionId: string): string {
  return `session:${encodeURIComponent(tenant)}:${sessionId}`;
}

export function createHotCopies(redis: Redis, sealer: Sealer): HotCopies {
  const seal = (value: object, context: string): Buffer => sealer.seal(Buffer.from(JSON.stringify(value)), context);
  const open = <T>(sealed: Buffer | null | undefined, context: string): T | null => (
    // an empty field: there was nothing to seal
    sealed == null || sealed.length === 0 ? null : openJson<T>(sealer, sealed, context)
  );
  const viewIn = (sealed: Buffer | null | undefined, tenant: string, sessionId: string): SessionView | null => (
    open<SessionView>(sealed, sealedAs.view(tenant, sessionId))
  );
  return {
    put: async (copies) => {
      const pipeline = redis.pipeline();
      for (const { view, checkpoint } of copies) {
        const { tenant, session_id: id, revision } = view;
        pipeline.eval(
          putScript, 1, keyOf(tenant, id), revision, seal(view, sealedAs.view(tenant, id)),
          checkpoint === null ? '' : seal(checkpoint, sealedAs.newestCheckpoint(tenant, id)), ttlSeconds,
        );
      }
      await pipeline.exec();
    },
    get: async (tenant, sessionId) => viewIn(await redis.hgetBuffer(keyOf(tenant, sessionId), 'view'), tenant, sessionId),
    getWhole: async (tenant, sessionId) => {
      const [sealedView, sealedCheckpoint] = await redis.hmgetBuffer(keyOf(tenant, sessionId), 'view', 'checkpoint');
      const view = viewIn(sealedView, tenant, sessionId);
      return view === null ? null : { view, checkpoint: open(sealedCheckpoint, sealedAs.newestCheckpoint(tenant, sessionId)) };
    },
    areThere: () => redis.ping().then(() => true, () => false),
  };
}
