/** What work costs, told so that it does not depend on the machine, nor on what else runs on it. */

/**
 * Processor time of the least costly of some runs, milliseconds: nothing that interrupts is counted, neither other programs nor a
 * collection of garbage.
 */
export function effortOf(work: () => unknown, runs = 3): number {
  const once = (): number => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  return Math.min(...Array.from({ length: runs }, once));
}

/**
 * Whether some run of the work stays below so many milliseconds of processor time: one that does not was counted with what the process
 * did beside it, or costs that much each time.
 */
export function isWithin(limitMs: number, work: () => unknown, runs = 5): boolean {
  return Array.from({ length: runs }).some(() => effortOf(work, 1) < limitMs);
}

/** What it costs here and now to read a megabyte of text once: the unit for work on texts. */
export function effortOfReadingAMegabyte(): number {
  const text = 'read 1 megabyte of it; '.repeat(50_000).slice(0, 1_000_000);
  return Math.max(effortOf(() => text.replaceAll(/[\p{L}\p{N}]+/gu, 'x'), 5), 1);
}
