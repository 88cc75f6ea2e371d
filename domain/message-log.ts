/**
 * Which messages a session has handled, in any run and before a restore, and what their repeats are told. An answer is known as
 * long as its entry in the log, that is for ever; of all else the newest are kept.
 *
 * A key is 16 hex digits of the SHA-256 of the message's id, a dot, and its fingerprint. 64 bits: among the 3,000 ids that a
 * session can hold two that differ meet with a chance of 2.4e-13, and they are the ids of one person.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { counts, stateParts } from './bounds.ts';
import type { Accepted, AnswerOutcome, Remarks } from './message.ts';
import { Newest } from './newest.ts';
import type { AnswerEntry, SeenOutcome, SessionState } from './session-state.ts';

type Known = { readonly fingerprint: string } & ({ readonly sequence: number } | { readonly outcome: SeenOutcome });

export interface HandledMessage { readonly fingerprint: string; readonly outcome: SeenOutcome }

export class MessageLog {
  private readonly state: Pick<SessionState, 'answers' | 'seen'>;
  private readonly known = new Map<string, Known>();
  private readonly seen: Newest<SessionState['seen'][number]>;
  private last: readonly [id: string, hash: string] = ['', ''];

  constructor(state: Pick<SessionState, 'answers' | 'seen'>) {
    this.state = state;
    this.seen = new Newest(state.seen, { count: counts.seen, bytes: stateParts.seen });
    for (const [key, outcome] of state.seen) this.known.set(...parsed(key, (fingerprint) => ({ fingerprint, outcome })));
    for (const { sequence, messages = [] } of state.answers) {
      for (const key of messages) this.known.set(...parsed(key, (fingerprint) => ({ fingerprint, sequence })));
    }
  }

  find(id: string): HandledMessage | undefined {
    const known = this.known.get(this.hashOf(id));
    if (known === undefined) return undefined;
    const { fingerprint } = known;
    return { fingerprint, outcome: 'outcome' in known ? known.outcome : this.accepted(known.sequence, this.keyOf({ id, fingerprint })) };
  }

  keyOf({ id, fingerprint }: { readonly id: string; readonly fingerprint: string }): string {
    return `${this.hashOf(id)}.${fingerprint.slice(0, fingerprintMax)}`;
  }

  /** A message whose key stands in this entry of the log of answers. */
  noteAnswer(message: { readonly id: string; readonly fingerprint: string }, sequence: number): void {
    this.known.set(this.hashOf(message.id), { fingerprint: message.fingerprint, sequence });
  }

  note(message: { readonly id: string; readonly fingerprint: string }, outcome: SeenOutcome): void {
    this.known.set(this.hashOf(message.id), { fingerprint: message.fingerprint, outcome });
    for (const [key] of this.seen.add([this.keyOf(message), outcome])) this.known.delete(key.slice(0, hashLength));
  }

  private accepted(sequence: number, key: string): AnswerOutcome {
    const entry = this.state.answers[sequence - 1];
    return { kind: 'accepted', accepted: entry === undefined ? [] : [acceptedOf(entry, entry.remarks?.[key])] };
  }

  /** A message is looked up several times in a row. */
  private hashOf(id: string): string {
    if (this.last[0] !== id || this.last[1] === '') this.last = [id, bytesToHex(sha256(utf8ToBytes(id))).slice(0, hashLength)];
    return this.last[1];
  }
}

/** A value with what is said back beside it. */
export function acceptedOf({ question_id, value }: Pick<AnswerEntry, 'question_id' | 'value'>, remarks: Remarks | undefined): Accepted {
  return { question_id, value, ...(remarks === undefined ? {} : { remarks }) };
}

const hashLength = 16;
/** Those of the API have 16 characters. */
const fingerprintMax = 64;

function parsed<T>(key: string, make: (fingerprint: string) => T): [hash: string, made: T] {
  return [key.slice(0, hashLength), make(key.slice(hashLength + 1))];
}
