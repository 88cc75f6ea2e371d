import { expect, test } from '@jest/globals';
import type { AskedQuestion } from '../client/contract.ts';
import { draftOf, saidBy, type Draft, type Said } from './draft.ts';

const question = (type: AskedQuestion['type']): AskedQuestion => ({
  id: 'q', type, prompt: 'q', help: null, options: [{ value: 'a', label: 'A' }, { value: 'b', label: 'B' }], required: true, min: null,
  max: null, pattern: null, pii: false, when: null,
});

test.each<[AskedQuestion['type'], Draft, Said]>([
  ['text', { text: ' as it is ' }, { value: ' as it is ' }], ['text', { text: '  ' }, null],
  ['number', { text: '24' }, { value: 24 }], ['number', { text: '-1.5' }, { value: -1.5 }],
  ['number', { text: 'two dozen' }, { text: 'two dozen' }],
  ['number', { text: '1e3' }, { text: '1e3' }], ['email', { text: 'a@b.example' }, { value: 'a@b.example' }],
  ['boolean', { choice: 'false' }, { value: false }], ['boolean', {}, null], ['single_choice', { choice: 'b' }, { value: 'b' }],
  ['multi_choice', { b: 'chosen', a: '' }, { value: ['b'] }], ['multi_choice', { a: '' }, null],
  ['date', { day: '5', month: '3', year: '2027' }, { value: '2027-03-05' }], ['date', { day: '5', month: 'March' }, { text: '5 March' }],
  ['time_range', { from: '9', until: '17.30' }, { value: { start: '09:00', end: '17:30' } }],
  ['time_range', { from: 'nine', until: 'five' }, { text: 'nine - five' }], ['time_range', { from: '9', until: '' }, { text: '9' }],
  ['file', { upload: 'u', name: 'x.png' }, { value: 'u' }], ['file', {}, null],
])('%s with %j says %j', (type, draft, said) => {
  expect(saidBy(question(type), draft)).toEqual(said);
});

test.each<[AskedQuestion['type'], Parameters<typeof draftOf>[1]]>([
  ['text', 'x'], ['number', 24], ['boolean', false], ['single_choice', 'a'], ['multi_choice', ['a', 'b']], ['date', '2027-03-05'],
  ['time_range', { start: '22:00', end: '06:00' }], ['email', 'a@b.example'],
])('%s: the controls for %j say it again', (type, value) => {
  expect(saidBy(question(type), draftOf(question(type), value))).toEqual({ value });
});
