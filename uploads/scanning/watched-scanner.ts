/**
 * A scanner that is asked now and then what everybody knows to be a finding: the EICAR text. One that calls it clean is blind, as one
 * whose signatures are missing, and nothing that it says counts until it finds it again.
 */
import type { StoredBytes } from '../../stores/files/port.ts';
import { unknown } from './clamd-answer.ts';
import type { Scanner, ScanResult } from './scanner.ts';

export type ScannerSight = 'seeing' | 'blind' | 'unknown';

export interface WatchOptions {
  readonly everyMs: number;
  /** Called with the first and when it has changed. */
  readonly onSight: (sight: ScannerSight, why: string | null) => void;
  /** Called with each look, after that. */
  readonly onLook?: (sight: ScannerSight) => void;
}

export interface WatchedScanner extends Scanner {
  readonly sight: () => ScannerSight;
  /** Ends the probes. */
  close(): void;
}

/** By what it says of the EICAR text. */
const sightBy: Readonly<Record<ScanResult['verdict'], ScannerSight>> = { infected: 'seeing', clean: 'blind', unknown: 'unknown' };

/** Its two halves are put together here, lest this file be one. */
const eicar = Buffer.from(['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('-'), 'latin1');
const probe: StoredBytes = {
  size: eicar.length,
  read: async function* read() { yield await Promise.resolve(eicar); },
};

/** Probes at once, and then again and again. */
export function watchedScanner(scanner: Scanner, { everyMs, onSight, onLook }: WatchOptions): WatchedScanner {
  const closing = new AbortController();
  let sight: ScannerSight | null = null;
  let looking: Promise<void> | null = null;
  const look = async (): Promise<void> => {
    const result = await scanner.scan(probe, closing.signal);
    const now = sightBy[result.verdict];
    if (now !== sight) {
      sight = now;
      onSight(now, result.verdict === 'unknown' ? result.why : null);
    }
    onLook?.(now);
  };
  // those who wait at once wait for one probe
  const probed = (): Promise<void> => {
    looking ??= look().catch((error: unknown) => {
      if (!closing.signal.aborted) throw error;
    }).finally(() => { looking = null; });
    return looking;
  };
  void probed();
  const timer = setInterval(() => { void probed(); }, everyMs);
  timer.unref();
  return {
    name: scanner.name, sight: () => sight ?? 'unknown',
    scan: async (bytes, signal) => {
      // it may have come back, or got its signatures, since
      if (sight !== 'seeing') await probed();
      if (sight === 'blind') return unknown('The scanner does not find what everybody finds: its signatures are missing.');
      if (sight !== 'seeing') return unknown('The scanner does not answer.');
      return scanner.scan(bytes, signal);
    },
    close: () => {
      closing.abort(new Error('The scanner is not asked any more.'));
      clearInterval(timer);
    },
  };
}
