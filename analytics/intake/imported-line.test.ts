import { describe, expect, test } from '@jest/globals';
import { importedSessionId, lineBytesMax, readLine } from './imported-line.ts';

const now = Date.parse('2026-11-29T12:00:00.000Z');
const whole = { session_id: 'visit 7', event: 'started', timestamp: '2026-11-01T08:00:00.000Z' };
const read = (line: unknown, tenant = 'acme') => readLine(Buffer.from(typeof line === 'string' ? line : JSON.stringify(line)), tenant, now);

describe('a line of an import', () => {
  test('is an event, with its properties as text', () => {
    expect(read({
      ...whole, user: 'ana', timestamp: '2026-11-01T09:30:00.5+01:30',
      properties: { flow: 'desk', flow_version: 3, is_new: true, none: null, tags: ['a', { b: 1 }] },
    })).toEqual({
      session_id: importedSessionId('acme', 'visit 7'), event: 'started', at: Date.parse('2026-11-01T08:00:00.500Z'), user: 'ana',
      properties: { flow: 'desk', flow_version: '3', is_new: 'true', tags: '["a",{"b":1}]' },
    });
  });

  test('a session\'s UUID stays as it is, in lower case; any other id gives one that follows from it and its tenant', () => {
    const id = '0B0E7A52-6F1C-4D0A-9A3E-0C8F5B7F2D11';
    expect(importedSessionId('acme', id)).toBe(id.toLowerCase());
    expect(importedSessionId('acme', 'visit 7')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(importedSessionId('acme', 'visit 7')).toBe(importedSessionId('acme', 'visit 7'));
    const ids = [['acme', 'visit 7'], ['acme', 'visit 8'], ['other', 'visit 7']] as const;
    expect(new Set(ids.map(([tenant, given]) => importedSessionId(tenant, given))).size).toBe(3);
  });

  test('names have 1 to 200 printable characters, counted as people count them, and an event has no comma', () => {
    for (const text of ['a', ' ', '🛶'.repeat(200), 'Größe 漢字']) expect(read({ ...whole, event: text })).toMatchObject({ event: text });
    for (const text of ['', 'x'.repeat(201), 'a\nb', 'a\u0000', 'a,b', '\ud800', '\u200b', 7, null]) {
      expect(read({ ...whole, event: text })).toMatchObject({ code: 'invalid_value', message: expect.stringContaining('without a comma') });
    }
    expect(read({ ...whole, session_id: 'a,b' })).toMatchObject({ event: 'started' });
    for (const text of ['', 'x'.repeat(201), 7]) {
      expect(read({ ...whole, session_id: text })).toMatchObject({ code: 'invalid_value' });
      expect(read({ ...whole, user: text })).toMatchObject({ code: 'invalid_value' });
    }
  });

  test.each([
    ['1970-01-01T00:00:00Z', 0], ['2026-11-29T12:00:00.000Z', now], ['2026-11-29T13:00:00+01:00', now],
    ['1969-12-31T23:59:59.999Z', 'before 1970'], ['2026-11-29T12:00:00.001Z', 'in the future'], ['2026-11-29', 'with its offset'],
    ['2026-11-29T12:00:00', 'with its offset'], ['2026-02-30T12:00:00Z', 'with its offset'], [1_700_000_000, 'with its offset'],
    ['+012026-11-29T12:00:00Z', 'with its offset'],
  ])('the time %j: %j', (timestamp, expected) => {
    expect(read({ ...whole, timestamp })).toMatchObject(
      typeof expected === 'number' ? { at: expected } : { code: 'invalid_timestamp', message: expect.stringContaining(expected) },
    );
  });

  test('what is wrong has a code, and a sentence that says how to mend it', () => {
    const deep = JSON.parse('{"a":'.repeat(40) + '1' + '}'.repeat(40)) as object;
    for (
      const [line, code] of [
        ['{"session_id": "a", "eve', 'malformed_json'], ['[]', 'malformed_json'], ['7', 'malformed_json'], ['null', 'malformed_json'],
        [{ ...whole, sesion: 1 }, 'unknown_field'], [{ event: 'a', timestamp: 'b' }, 'missing_field'],
        [{ ...whole, properties: [] }, 'invalid_value'], [{ ...whole, properties: { '': 1 } }, 'invalid_value'],
        [{ ...whole, properties: deep }, 'invalid_value'], [{ ...whole, properties: { a: 'x\u0000' } }, 'malformed_text'],
        [{ ...whole, properties: Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`p${at}`, 1])) }, 'invalid_value'],
      ] as const
    ) {
      expect([line, read(line)]).toEqual([line, { code, message: expect.stringMatching(/\. [A-Z].*\.$/) }]);
    }
    expect(readLine(Buffer.from([0x7b, 0xff, 0x7d]), 'acme', now)).toMatchObject({ code: 'malformed_text' });
    expect(readLine(null, 'acme', now)).toMatchObject({ code: 'line_too_long', message: expect.stringContaining(String(lineBytesMax)) });
  });
});
