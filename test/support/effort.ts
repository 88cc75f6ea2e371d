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

/** What it costs here and now to read a megabyte of text once: the unit for work on texts. */
export function effortOfReadingAMegabyte(): number {
  const text = 'read 1 megabyte of it; '.repeat(50_000).slice(0, 1_000_000);
  return Math.max(effortOf(() => text.replaceAll(/[\p{L}\p{N}]+/gu, 'x'), 5), 1);
}
