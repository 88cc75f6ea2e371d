/** How the input of a task becomes a form, and comes back. */
import { describe, expect, test } from '@jest/globals';
import { amended, changesOf, fieldAt, fieldsOf, textOf, unreadable } from './task-input.ts';

const input = {
  session_id: 's-1', risk_score: 0, status: 'nonsense', approved_by: '••• string /approved_by', second: null, flow: { id: 'f', version: 2 },
  changes: [{ sequence: 1 }], odd: true,
};
const input_schema = {
  type: 'object', properties: {
    session_id: { type: 'string' }, risk_score: { type: 'number' }, status: { type: 'string', enum: ['applied', 'rejected'] },
    approved_by: { type: 'string' }, second: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    flow: { type: 'object', properties: { id: { type: 'string' }, version: { type: 'integer' } } },
    changes: { type: 'array', items: {} }, missing: { type: ['string', 'null'] },
  },
};
const fields = fieldsOf({ input, input_schema });

describe('the form of an input', () => {
  test('has a control of the right kind for each value, and shows what its schema does not know', () => {
    expect(fields.map(({ pointer, kind, isNullable }) => [pointer, kind, isNullable])).toEqual([
      ['/session_id', 'text', false], ['/risk_score', 'number', false], ['/status', 'choice', false], ['/approved_by', 'text', false],
      ['/second', 'text', true], ['/flow/id', 'text', false], ['/flow/version', 'number', false], ['/changes', 'json', false],
      ['/missing', 'text', true], ['/odd', 'json', false],
    ]);
    expect(fields.map(textOf)).toEqual(['s-1', '0', 'nonsense', '', '', 'f', '2', '[\n  {\n    "sequence": 1\n  }\n]', '', 'true']);
  });

  test('untouched is no change, and a hidden value that was not typed over goes back as it came', () => {
    expect(changesOf(fields, new Map([['/status', 'nonsense'], ['/approved_by', '']]))).toEqual([]);
    const changes = changesOf(fields, new Map([['/status', 'rejected'], ['/flow/version', '3']]));
    expect(amended(input, changes)).toEqual({ ...input, status: 'rejected', flow: { id: 'f', version: 3 } });
    expect(input.status).toBe('nonsense');
  });

  test('sends what is no number as it was typed, for the service to judge; empty is null where null may be', () => {
    const changes = changesOf(fields, new Map([['/risk_score', 'high'], ['/second', 'eve'], ['/changes', '[]']]));
    expect(amended(input, changes)).toEqual({ ...input, risk_score: 'high', second: 'eve', changes: [] });
    const filled = fieldsOf({ input: { ...input, second: 'eve' }, input_schema });
    expect(amended({ ...input, second: 'eve' }, changesOf(filled, new Map([['/second', '']])))).toEqual({ ...input, second: null });
  });

  test('keeps back what has to be JSON and is none', () => {
    expect(unreadable(changesOf(fields, new Map([['/changes', '[1,'], ['/risk_score',
      'x']]))).map(({ pointer }) => pointer)).toEqual(['/changes']);
  });

  test('finds the control that a mistake belongs to, also below it', () => {
    expect(['/input/flow/id', '/input/changes/0/sequence', '/input'].map((pointer) => fieldAt(fields, pointer)?.pointer ?? null)).toEqual([
      '/flow/id', '/changes', null,
    ]);
  });
});
