import { types } from 'node:util';

const { isNativeError } = types;

/** An error whose message is the whole story for the person at the terminal: one sentence, no stack. */
export class PlainError extends Error {
  override readonly name = 'PlainError';
}

/** The `code` of a system error (`ENOENT`, `EADDRINUSE`), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  // No instanceof: in Jest the errors of Node's own modules come from outside its realm.
  return isNativeError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What a failed program said (execFile puts its stderr on the error), at most its last five lines. */
export function saidByProgram(error: unknown): string {
  const said = isNativeError(error) && 'stderr' in error ? String(error.stderr) : String(error);
  return said.trim().split('\n').slice(-5).join('\n');
}
