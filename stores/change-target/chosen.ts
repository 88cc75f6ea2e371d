/** The change target that is in use: the built-in tables, or a system of somebody else's. */
import type { Outside } from '../../outside/outside.ts';
import { createHttpTarget, maxTargetAnswerBytes } from './http.ts';
import type { ChangeTarget } from './port.ts';
import { createTablesTarget } from './tables.ts';

/** `remote` null: the built-in tables. */
export interface ChangeTargetSettings {
  readonly remote: { readonly url: string; readonly secret: string; readonly timeoutMs: number } | null;
}

export function chosenChangeTarget({ remote }: ChangeTargetSettings, outside: Outside): ChangeTarget {
  if (remote === null) return createTablesTarget();
  const { url, secret, timeoutMs } = remote;
  return createHttpTarget(url, outside.receiver({ name: 'change_target', secret, timeoutMs, maxAnswerBytes: maxTargetAnswerBytes }).post);
}
