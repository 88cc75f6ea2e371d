/** A failure of a run in the one word that other processes are told, and back. What has no word stays in its process. */
import { StoreLimitError } from '../../clickhouse/contract.ts';
import { StoreUnavailableError } from '../../unavailable.ts';

export function failureWord(error: unknown): string | null {
  if (error instanceof StoreLimitError) return `limit:${error.limit}`;
  if (error instanceof StoreUnavailableError) return `unavailable:${error.store}`;
  return null;
}

const elsewhere = new Error('A run in another process failed less than a second ago');

export function errorOf(word: string): Error {
  switch (word) {
    case 'limit:time': return new StoreLimitError('time', elsewhere);
    case 'limit:memory': return new StoreLimitError('memory', elsewhere);
    case 'unavailable:postgresql': return new StoreUnavailableError('postgresql', elsewhere);
    default: return new StoreUnavailableError('clickhouse', elsewhere);
  }
}
