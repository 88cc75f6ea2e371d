/** The port to a virus scanner. Only its plain word that a file is clean lets it through. */
import type { StoredBytes } from '../../stores/files/port.ts';

export type ScanResult =
  | { readonly verdict: 'clean' }
  /** `what`: the scanner's name of what it found. */
  | { readonly verdict: 'infected'; readonly what: string }
  /** Nobody can say now. `why` is for operators. */
  | { readonly verdict: 'unknown'; readonly why: string };

export interface Scanner {
  /** Recorded with every file that it let through. */
  readonly name: 'clamd' | 'not_configured';
  /** Never rejects for what the scanner does: that is `unknown`. Throws what reading the bytes throws. */
  scan(bytes: StoredBytes, signal: AbortSignal): Promise<ScanResult>;
}

/** For who has none: files are looked into and processed, and their record says that nobody scanned them. */
export const noScanner: Scanner = { name: 'not_configured', scan: () => Promise.resolve({ verdict: 'clean' }) };
