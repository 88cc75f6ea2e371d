/** Waits for a condition, never for a time: asks again until it holds, and says what was waited for when it never does. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 120_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}.`);
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
}
