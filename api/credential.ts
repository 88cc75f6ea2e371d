import type { Actor } from '../domain/message.ts';
import type { PresentedKey } from './api-key.ts';

/** Who calls, until when (epoch milliseconds; Infinity for a key without an end). `presented` is null for a token. */
export interface Credential {
  readonly actor: Actor;
  readonly expiresAt: number;
  readonly presented: PresentedKey | null;
  /** A browser sent it along by itself. */
  readonly byCookie?: true;
  /** Counts for this session alone: a token that a resume link gave. */
  readonly onlySession?: string;
}
