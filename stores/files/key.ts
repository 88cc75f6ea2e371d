/** Segments are no `.` and no `..`, so that no key leaves its folder; the longest are far below what disks and S3 take. */
const segment = /^(?!\.{1,2}$)[A-Za-z0-9_.=-]{1,200}$/;
const keyMax = 500;

/** Throws for what is no key: a mistake in our code, never in a request. */
export function checkKey(key: string): string {
  if (key.length > keyMax || !key.split('/').every((part) => segment.test(part))) throw new TypeError(`${JSON.stringify(key)} is no key.`);
  return key;
}
