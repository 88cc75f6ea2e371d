/** Tickets in Redis: found once, under a hash of their text, for as long as they last. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { sealedAs, type Sealer } from '../../encryption/sealer.ts';
import { StoreUnavailableError } from '../unavailable.ts';

/** What a ticket stands for is sealed: whoever can write to Redis can make none. Both throw StoreUnavailableError. */
export interface Tickets {
  put(ticket: string, content: string, seconds: number): Promise<void>;
  /** The content, once; null for a ticket that is not there. */
  take(ticket: string): Promise<string | null>;
}

export function createTickets(redis: Redis, sealer: Sealer): Tickets {
  const asked = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      throw new StoreUnavailableError('redis', error);
    }
  };
  return {
    put: async (ticket, content, seconds) => {
      const hash = hashOf(ticket);
      await asked(redis.set(keyOf(hash), sealer.seal(Buffer.from(content), sealedAs.ticket(hash)), 'EX', seconds));
    },
    take: async (ticket) => {
      const hash = hashOf(ticket);
      const sealed = await asked(redis.getdelBuffer(keyOf(hash)));
      return sealed === null ? null : sealer.open(sealed, sealedAs.ticket(hash)).toString('utf8');
    },
  };
}

const keyOf = (hash: string): string => `ticket:${hash}`;

function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('base64url');
}
