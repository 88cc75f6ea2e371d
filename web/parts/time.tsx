/** Times as a person reads them: the local moment always, and how long ago beside it. */
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const units: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1],
];

export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1_000);
  const [unit, size] = units.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1];
  return relative.format(Math.trunc(seconds / size), unit);
}

export function Time({ at }: { readonly at: string }) {
  return (
    <span class="time">
      <time dateTime={at}>{moment.format(new Date(at))}</time> <span class="quiet">{ago(at)}</span>
    </span>
  );
}
