/**
 * What clamd's answer to INSTREAM means.
 *
 * 1. Clean is exactly `stream: OK`. But clamd says so too of what lies beyond its limits, so those have to be made to speak
 *    (`AlertExceedsMax yes`), and then they say FOUND, which is no finding.
 * 2. Everything else, an empty answer and one that breaks off included, says nothing about the file.
 */
import type { ScanResult } from './scanner.ts';

/** Names of findings have some tens. */
const nameMax = 200;
const limitsExceeded = 'Heuristics.Limits.Exceeded';

/** `answer`: without its closing zero; `whole`: it had one. */
export function verdictOf({ answer, whole }: { readonly answer: string; readonly whole: boolean }): ScanResult {
  if (!whole) return unknown(answer === '' ? 'It gave no answer.' : 'Its answer broke off.');
  if (answer === 'stream: OK') return { verdict: 'clean' };
  const name = /^stream: (\S[^\n]*) FOUND$/.exec(answer)?.[1];
  if (name === undefined) return unknown(`It answered: ${answer}`);
  if (name.startsWith(limitsExceeded)) return unknown(`The file is beyond its limits: ${name}`);
  return { verdict: 'infected', what: name.slice(0, nameMax) };
}

export function unknown(why: string): ScanResult {
  return { verdict: 'unknown', why: why.replace(/[^\x20-\x7e]/g, '?').slice(0, nameMax) };
}
