/** What a look at one thing has found, in a sentence for the person who runs Gangway. */

/**
 * `well`, `wrong`: cannot work, or harms somebody. `note`: to be known, and nothing is out of service. `unseen`: it could not be looked
 * at.
 */
export type State = 'well' | 'wrong' | 'note' | 'unseen';

export interface Finding {
  /** What was looked at, in one or two words. */
  readonly about: string;
  readonly state: State;
  readonly says: string;
  /** How to mend it; of what is wrong always. */
  readonly mend?: string;
}

/** Findings about one thing. */
export function about(name: string) {
  const finding = (state: State) => (says: string, mend?: string): Finding => ({
    about: name, state, says, ...(mend === undefined ? {} : { mend }),
  });
  return {
    well: finding('well'), note: finding('note'), unseen: finding('unseen'),
    wrong: (says: string, mend: string): Finding => finding('wrong')(says, mend),
  };
}

/** In one sentence, as a start says it. */
export function sentence({ says, mend }: Finding): string {
  return mend === undefined ? says : `${says}: ${mend}`;
}

/** Why something could not be reached, for a person. Says nothing of passwords. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const known = code === undefined ? undefined : reasons[code];
  if (known !== undefined) return known;
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return code !== undefined && !first.includes(code) ? `${first} (${code})`.trim() : first;
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there', ENOTFOUND: 'the name is not known', EAI_AGAIN: 'the name cannot be looked up now',
  ETIMEDOUT: 'no answer in time', ECONNRESET: 'it broke the connection off', EHOSTUNREACH: 'there is no way to that machine',
  ENETUNREACH: 'there is no way to that network', TimeoutError: 'no answer in time', ECONNABORTED: 'no answer in time',
  '28P01': 'it refuses the password', '28000': 'it refuses this user', '3D000': 'there is no database of that name',
};

/** The innermost code: connections by several addresses gather theirs in one error. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('errors' in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  if ('code' in error && typeof error.code === 'string') return error.code;
  if ('cause' in error && error.cause !== undefined) return codeOf(error.cause);
  return 'name' in error && error.name === 'TimeoutError' ? 'TimeoutError' : undefined;
}

/** Longest wait for one answer: a machine that starts everything at once is slow. */
export const patienceMs = 10_000;

/** Resolves within that time, or rejects as a time-out. The work itself has to end by itself. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => { reject(new DOMException('no answer in time', 'TimeoutError')); }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
