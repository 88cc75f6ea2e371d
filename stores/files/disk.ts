import { StoreUnavailableError } from '../unavailable.ts';

/** Whatever a disk says to us, full, read-only or broken, is that of a store that cannot answer now. */
export async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new StoreUnavailableError('files', error);
  }
}

/** As onDisk; null when there is nothing of that name. */
export async function ifThere<T>(work: Promise<T>): Promise<T | null> {
  return onDisk(work.catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  }));
}

function isMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
