/** A decision while it is made, as the contract takes it. */
import { describe, expect, test } from '@jest/globals';
import type { Item, Proposal } from '../client/contract.ts';
import { bodyOf, differences, fieldId, mistakesAt, type Choices } from './decision.ts';

const item = (id: string, after: Item['after'], more: Partial<Item> = {}): Item => ({
  recommendation_id: id, target: `unit:${id}`, operation: 'create', before: null, after, confidence: 0.9, decision: 'ready', rationale: '',
  status: 'pending', depends_on: [], ...more,
});
const items = [item('a', { users: 5, open: true, tags: ['x'], name: 'A' }), item('b', { name: 'B' }), item('c', { name: 'C' })];
const how = { hash: 'h', reason: '', isMissingAccepted: false, isMeant: false };
const word = (name: 'approve' | 'reject' | 'modify', edits: readonly (readonly [string, string])[] = []) => ({ word: name,
  edits: new Map(edits) });

describe('the body of a decision', () => {
  test('names what was chosen and nothing else, and is a dry run until it is meant', () => {
    const choices: Choices = new Map([['a', word('approve')], ['b', word('reject')]]);
    expect(bodyOf(items, choices, how)).toEqual({
      approved_items: ['a'], rejected_items: ['b'], dry_run: true, modifications: {}, proposal_hash: 'h',
    });
    expect(bodyOf(items, choices, { ...how, isMeant: true, reason: ' no ', isMissingAccepted: true })).toMatchObject({
      dry_run: false, accept_missing_dependencies: true, reasons: { b: 'no' },
    });
  });

  test('takes typed values as the type that they had, and what cannot be read so as it was typed', () => {
    const edits = [['users', '42'], ['open', 'false'], ['tags', 'x, y'], ['name', '7']] as const;
    expect(bodyOf(items, new Map([['a', word('modify', edits)]]), how)).toMatchObject({
      approved_items: ['a'], modifications: { a: { users: 42, open: false, tags: ['x', 'y'], name: '7' } },
    });
    expect(bodyOf(items, new Map([['a', word('modify', [['users', 'many']])]]),
      how)).toMatchObject({ modifications: { a: { users: 'many' } } });
  });

  test('forgets what was typed when another word is chosen', () => {
    expect(bodyOf(items, new Map([['a', word('approve', [['users', '42']])]]), how)).toMatchObject({ modifications: {} });
  });
});

test('a mistake stands at the value it is about; one that belongs to none leaves all to be told in words', () => {
  const mistake = (pointer: string) => ({ pointer, code: 'x', message: 'Wrong.', fix: 'Mend it.' });
  expect(mistakesAt([mistake('/modifications/a/users')])).toEqual([{ field: fieldId('a', 'users'), message: 'Wrong.' }]);
  expect(mistakesAt([mistake('/modifications/a/users'), mistake('/approved_items/0')])).toEqual([]);
});

test('what differs in another proposal is said of each target', () => {
  const proposal = (recommendations: Item[]): Proposal => ({ proposal_hash: null, recommendations, risk: null, consensus: null });
  const lines = differences(proposal(items), proposal([item('a', { users: 6 }), item('b', { name: 'B' }, { status: 'approved' }),
    item('d', null)]));
  expect(lines).toEqual([
    'unit:c is not proposed any more.', expect.stringMatching(/^unit:a is to become another: .*5.* then, .*6.* now\.$/),
    'unit:b was approved by somebody.', 'unit:d is proposed in addition.',
  ]);
  expect(differences(proposal(items), proposal(items))).toEqual([]);
});
