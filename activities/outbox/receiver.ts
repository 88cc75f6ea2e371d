/** Where events go: signed, with a breaker of its own. */
import type { Outside } from '../../outside/outside.ts';
import type { Prepare } from './reminder.ts';
import type { Post } from '../../outside/request.ts';

/** What a receiver says beside its status is not kept, and no more of it is taken, bytes. */
const maxAnswerBytes = 64_000;

export interface EventReceiver {
  readonly url: string;
  readonly post: Post;
  readonly prepare: Prepare;
  readonly isShut: () => boolean;
}
export interface ReceiverSettings { readonly url: string; readonly secret: string; readonly timeoutMs: number }

export function eventReceiver({ url, secret, timeoutMs }: ReceiverSettings, outside: Outside, prepare: Prepare): EventReceiver {
  const { post, breaker } = outside.receiver({ name: 'event_delivery', secret, timeoutMs, maxAnswerBytes });
  return { url, post, prepare, isShut: () => breaker.isShut() };
}
