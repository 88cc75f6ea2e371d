/** Asked again so soon at first, and then less and less often: what is asked takes from what is waited for. */
const [firstPauseMs, pauseFactor, pauseMaxMs] = [25, 1.25, 200];

/** Waits for a condition, never for a time: asks again until it holds, and says what was waited for when it never does. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 120_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let pauseMs = firstPauseMs;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}.`);
    await new Promise((resolve) => { setTimeout(resolve, pauseMs); });
    pauseMs = Math.min(pauseMs * pauseFactor, pauseMaxMs);
  }
}
