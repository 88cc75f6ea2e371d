/** A request as its handler knows it. */
import type { Actor } from '../domain/message.ts';
import type { Incoming } from './incoming.ts';

/** What every handler may know of its request beside params, query and body. */
export interface Call {
  readonly actor: Actor;
  /** GET is also asked as HEAD. */
  readonly method: string;
  /** As it was sent, without a slash at the end. */
  readonly path: string;
  /** A header; '' when it is absent. */
  readonly header: (name: string) => string;
  readonly correlationId: string;
  /** Epoch milliseconds: before anything was asked for it. */
  readonly receivedAt: number;
  /** Versions that If-Match names: one of them has to be the present one. Null: it asks for none. */
  readonly ifMatch: readonly number[] | null;
  /** The same for each repeat of a keyed request, else random: what makes its effects happen once. */
  readonly operationId: string;
  /** The Idempotency-Key's own id, or null when there was no key. */
  readonly keyedRequest: string | null;
  /** Whether the caller's credential still counts: for what outlives its request, such as a stream. Throws StoreUnavailableError. */
  readonly stillCounts: () => Promise<boolean>;
  /** When the credential ends, epoch milliseconds; Infinity for a key without an end. */
  readonly expiresAt: number;
  /** A ticket that opens one event stream of a session in the name of this credential. Throws StoreUnavailableError. */
  readonly streamTicket: (sessionId: string) => Promise<string>;
  /** The last event that a returning reader of a stream has, as it was sent, or null. */
  readonly lastEventId: string | null;
  /** The body and its headers, of a route that reads it by itself (`raw`); null of any other. */
  readonly incoming: Incoming | null;
  /** Calls `done` once, when the answer is out or its reader has gone: frees what was taken for it. */
  readonly onEnd: (done: () => void) => void;
}
