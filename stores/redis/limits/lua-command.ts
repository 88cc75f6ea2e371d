/** A Lua script of ours by its hash; its text is sent only where Redis does not know it (after a restart). */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

export interface LuaCommand { readonly text: string; readonly sha: string }

export function luaCommand(text: string): LuaCommand {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

export async function runLua(
  redis: Redis, { text, sha }: LuaCommand, keys: readonly string[], values: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(sha, keys.length, ...keys, ...values);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return redis.eval(text, keys.length, ...keys, ...values);
  }
}
