/**
 * Tickets that open one event stream each. A browser's EventSource cannot send a header, and a token in an address ends up in
 * histories and logs of proxies: so a program asks for a ticket with its credential, and its address has that. A ticket counts
 * once, within a minute, for one session, and stands for the credential that asked for it: its stream ends with that.
 */
import { randomBytes } from 'node:crypto';
import type { Actor } from '../domain/message.ts';
import type { Tickets } from '../stores/redis/tickets.ts';
import type { Credential } from './credential.ts';

export const ticketSeconds = 60;

/** 32 random bytes: it cannot be guessed, so one that is unknown was used before or is too old. */
const form = /^[\w-]{43}$/;

interface Content {
  readonly session_id: string;
  readonly actor: Actor;
  /** null: the credential has no end. */
  readonly expires_at: number | null;
  /** Of an API key; null: a token. */
  readonly key: { readonly id: string; readonly hash: string } | null;
}

export class StreamTickets {
  private readonly tickets: Tickets;

  constructor(tickets: Tickets) {
    this.tickets = tickets;
  }

  /** Throws StoreUnavailableError. */
  async issue({ actor, expiresAt, presented }: Credential, sessionId: string): Promise<string> {
    const ticket = randomBytes(32).toString('base64url');
    const content: Content = {
      session_id: sessionId, actor, expires_at: Number.isFinite(expiresAt) ? expiresAt : null,
      key: presented === null ? null : { id: presented.keyId, hash: Buffer.from(presented.hash).toString('base64') },
    };
    await this.tickets.put(ticket, JSON.stringify(content), ticketSeconds);
    return ticket;
  }

  /** The credential behind it, or null when it does not count for this session. Used up either way. Throws StoreUnavailableError. */
  async redeem(ticket: string, sessionId: string): Promise<Credential | null> {
    if (!isTicket(ticket)) return null;
    const text = await this.tickets.take(ticket);
    if (text === null) return null;
    const { session_id: of, actor, expires_at: end, key } = JSON.parse(text) as Content;
    if (of !== sessionId) return null;
    const presented = key === null ? null : { keyId: key.id, hash: Buffer.from(key.hash, 'base64') };
    return { actor, expiresAt: end ?? Infinity, presented };
  }
}

export function isTicket(text: string): boolean {
  return form.test(text);
}
