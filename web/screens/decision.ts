/** A decision while it is made: what was chosen for each item, as the contract takes it, and what is wrong with it. */
import type { Item, Mistake, Proposal } from '../client/contract.ts';
import type { RequestProblem } from '../client/problem.ts';
import type { FieldError } from '../parts/alerts.tsx';

export interface Choice {
  readonly word: 'approve' | 'reject' | 'modify';
  /** Texts of values that were typed, by name; kept while another word is chosen. */
  readonly edits: ReadonlyMap<string, string>;
}

/** By recommendation. */
export type Choices = ReadonlyMap<string, Choice>;

interface How {
  readonly hash: string | null;
  readonly reason: string;
  readonly isMissingAccepted: boolean;
  readonly isMeant: boolean;
}

/** The body of a decision. Items without a choice are not named, and count as rejected. */
export function bodyOf(items: readonly Item[], choices: Choices, { hash, reason, isMissingAccepted, isMeant }: How): object {
  const of = (...words: readonly Choice['word'][]): readonly string[] => items.map((item) => item.recommendation_id).filter((id) => {
    const word = choices.get(id)?.word;
    return word !== undefined && words.includes(word);
  });
  const rejected = of('reject');
  // of one word for all there is one place: the first that it explains
  const [explained] = rejected.length > 0 ? rejected : of('approve', 'modify');
  return {
    approved_items: of('approve', 'modify'), rejected_items: rejected, dry_run: !isMeant,
    modifications: Object.fromEntries(items.flatMap((item) => {
      const choice = choices.get(item.recommendation_id);
      return choice?.word === 'modify' && choice.edits.size > 0 ? [[item.recommendation_id, typed(item, choice.edits)]] : [];
    })),
    ...(hash === null ? {} : { proposal_hash: hash }), ...(isMissingAccepted ? { accept_missing_dependencies: true } : {}),
    ...(explained === undefined || reason.trim() === '' ? {} : { reasons: { [explained]: reason.trim() } }),
  };
}

/** Of the type that the value had; what cannot be read so is sent as it is, for the service to judge. */
function typed({ after }: Item, edits: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries([...edits].map(([name, text]) => {
    const had = after?.[name];
    if (Array.isArray(had)) return [name, text.split(',').map((part) => part.trim()).filter((part) => part !== '')];
    if (typeof had === 'number' && text.trim() !== '' && Number.isFinite(Number(text))) return [name, Number(text)];
    if (typeof had === 'boolean' && (text === 'true' || text === 'false')) return [name, text === 'true'];
    if (had === null && text === 'null') return [name, null];
    return [name, text];
  }));
}

/** Id of the control of an item, or of one of its values. */
export function fieldId(recommendation: string, name?: string): string {
  return `item-${recommendation}${name === undefined ? '' : `-${name}`}`;
}

/** `/modifications/{id}/{name}` at the field; empty when one belongs to none. */
export function mistakesAt(mistakes: readonly Mistake[]): readonly FieldError[] {
  const found = mistakes.map(({ pointer, message }): FieldError | null => {
    const [, id, name] = /^\/modifications\/([^/]+)\/([^/]+)/.exec(pointer) ?? [];
    return id === undefined || name === undefined ? null : { field: fieldId(id, name), message };
  });
  return found.some((each) => each === null) ? [] : found.filter((each) => each !== null);
}

/** Somebody else was here since. */
export function isChanged({ status, code }: RequestProblem): boolean {
  return (status === 409 && code !== 'request_in_progress') || status === 412;
}

/** What differs in another proposal, a line each. */
export function differences(opened: Proposal, now: Proposal): readonly string[] {
  const before = new Map(opened.recommendations.map((item) => [item.target, item]));
  const after = new Map(now.recommendations.map((item) => [item.target, item]));
  const missing = [...before.keys()].filter((target) => !after.has(target)).map((target) => `${target} is not proposed any more.`);
  return [...missing, ...[...after].flatMap(([target, item]) => {
    const was = before.get(target);
    if (was === undefined) return [`${target} is proposed in addition.`];
    return [
      ...(same(was.before, item.before) ? [] : [`${target} is another at its target: ${text(was.before)} then, ${text(item.before)} now.`]),
      ...(same(was.after, item.after) ? [] : [`${target} is to become another: ${text(was.after)} then, ${text(item.after)} now.`]),
      ...(was.status === item.status ? [] : [`${target} was ${item.status} by somebody.`]),
    ];
  })];
}

const text = (values: unknown): string => (values === null ? 'nothing' : JSON.stringify(values));
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
