/** Ctrl-C once: stop cleanly. Ctrl-C again: at once. */

/** Under `npm run` one Ctrl-C arrives twice, from the terminal and from npm: signals this close are one. */
const sameMs = 300;

export interface Interruption {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
}

export function onInterruption(first: () => void, second: () => void): Interruption {
  const controller = new AbortController();
  let since: number | undefined;
  const handle = () => {
    if (since === undefined) {
      since = Date.now();
      controller.abort();
      first();
    } else if (Date.now() - since > sameMs) {
      second();
    }
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, handle);
  return { signal: controller.signal };
}
