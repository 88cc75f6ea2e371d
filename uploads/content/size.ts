/** Sizes in words. */
const units = ['bytes', 'KB', 'MB', 'GB'] as const;

/** `10 MB` is 10 × 1,024 × 1,024 bytes. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  // upwards: what is over a bound by a byte must not read like the bound
  return `${Math.ceil(value * 10) / 10} ${units[unit]}`;
}
