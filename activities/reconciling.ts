/** What the reconcilers of tasks and sessions share. */
import { KeyUnavailableError, SealBrokenError } from '../encryption/sealer.ts';

const atOnce = 8;

export async function forAll<T>(items: Iterable<T> | AsyncIterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  let some: T[] = [];
  for await (const item of items) {
    if (some.push(item) < atOnce) continue;
    await Promise.all(some.map(work));
    some = [];
  }
  await Promise.all(some.map(work));
}

/** One that cannot be opened must not keep the others back. Rethrows everything else. */
export function failedAlone(error: unknown): 'failed' {
  if (error instanceof KeyUnavailableError || error instanceof SealBrokenError || error instanceof SyntaxError) return 'failed';
  throw error;
}
