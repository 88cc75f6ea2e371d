/** Equal errors have one fingerprint, and no message keeps what is somebody's. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { effortOf, effortOfReadingAMegabyte } from '../test/support/effort.ts';
import { fingerprintOf, normalise, scrub, scrubbedMax } from './error-fingerprint.ts';

const of = (message: string, task = 'applyChangeset', type = 'DatabaseError'): string => fingerprintOf({
  message, task_name: task, exception_type: type,
});

describe('a fingerprint', () => {
  test('is the same for other ids, numbers, times and values, and another for another task, class or message', () => {
    expect(of('row 7 of 8f14e45f-ceea-467f-a83c-2e3a5f6f0b11 at 2026-11-25T08:30:00Z')).toBe(
      of('row 99 of 00000000-0000-4000-8000-000000000001 at 2025-01-01T00:00:00.5Z'),
    );
    expect(of("no 'x'")).toBe(of("no 'y z'"));
    expect(of('no  such\n row')).toBe(of('no such row'));
    expect(new Set([of('x'), of('x', 'flushSession'), of('x', 'applyChangeset', 'Error'), of('y')]).size).toBe(4);
    expect(of('x')).toMatch(/^[0-9a-f]{16}$/);
  });

  test('tells one status of another server from the next, since they are mended by different people', () => {
    const statuses = [400, 401, 429, 500].flatMap((status) => [`The model answered with status ${status}.`, `Status: ${status}, 7 times`]);
    expect(new Set(statuses.map((message) => of(message))).size).toBe(statuses.length);
    expect(of('status 500 after 12 ms, status 12345')).toBe(of('status 500 after 9 ms, status 12399'));
  });

  test('is the same for a message and for what scrubbing leaves of it', () => {
    for (
      const message of [
        'Key (email)=(ana@example.org) already exists.', "can't reach https://ana:pw@example.org/a?b=1 in 25 ms",
        'token=abc, card 4111 1111 1111 1111', 'took 25 ms',
      ]
    ) {
      expect(of(scrub(message))).toBe(of(message));
    }
    expect(normalise('took 25 ms')).toBe('took <n> ms');
  });
});

describe('scrubbing', () => {
  test.each([
    ['Key (email)=(ana@example.org) already exists', 'ana'], ['call +49 170 1234567 now', '1234567'], ['token eyJabc.def.ghi', 'abc'],
    ['key gw_12ab_34cd', '34cd'],
    ['GET https://ana:secret@example.org/a?name=ana', 'ana'], ['postgres://gangway:p@ss@db/x', 'p@ss'], ["invalid input 'Ana Ray'", 'Ray'],
    ["no such person: 'O'Neill'", 'Neill'],
    ['invalid input "Ana Ray" for type integer', 'Ana'], ['cut off: "Ana Ra', 'Ra'], ['cut off: Key (name)=(Ana Ra', 'Ra'],
    ['„Ana“ und “Ray”', 'Ana'], ['„Ana“ und “Ray”', 'Ray'],
    ['DE89 3704 0044 0532 0130 00', '3704'], ['DE89370400440532013000', '3704'], ['card 4111-1111-1111-1111', '4111'],
    ['card 4111111111111111', '4111'], ['(030) 901820-1234', '901820'],
    ['Bearer abc.def', 'abc.def'], ['password: hunter2', 'hunter2'], ['api_key=hunter2', 'hunter2'],
    ['Authorization: Basic YW5hOnB3', 'YW5h'], ['sk-proj-1234567890abcdef', '1234567890'],
    ['secret 9f86d081884c7d659a2feaa0c55ad015', '9f86d'], ['key dGhpcyBpcyBhIHNlY3JldA8dGhpcyBpcw', 'dGhp'],
    ['आप user@उदाहरण.भारत हैं', 'user@'], ['फ़ोन ९८७६५४३२१०', '९८७६'], ['a@@ana@example.org', 'ana@'],
  ])('takes the personal part out of: %s', (message, personal) => {
    expect(scrub(message)).not.toContain(personal);
  });

  test('leaves what an operator needs', () => {
    expect(scrub("can't connect to https://models.example.org:8443/v1?key=x failed: ECONNREFUSED")).toBe(
      "can't connect to https://models.example.org:8443 failed: ECONNREFUSED",
    );
    expect(scrub('deadlock detected in WorkflowUpdateRPCTimeoutOrCancelledError')).toBe(
      'deadlock detected in WorkflowUpdateRPCTimeoutOrCancelledError',
    );
    expect(scrub('took 1250 ms of 1000')).toBe('took 1250 ms of 1000');
    expect(scrub('at 2026-11-25 08:30:00.123+00 for 8f14e45f-ceea-467f-a83c-2e3a5f6f0b11')).toBe('at <time> for <id>');
  });

  test('lets no address through, whatever stands around it', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.emailAddress(), (words, email) => {
      expect(scrub(`${words} ${email} ${words}`)).not.toContain(` ${email} `);
    }));
  });

  const megabyte = effortOfReadingAMegabyte();
  const runs = [
    'a', ' ', '1', '1 ', 'a.', '"', "'", "a'", '“', '„', '=(', 'AA11', 'AA11 ', 'gw_', 'eyJ.', 'a:', 'a://', 'a://@', '@', 'a@', "'@",
    '\u0000', 'sk-', 'bearer ', 'token=', 'é', '९', '<value>', '2026-01-01T', '0x', 'ab', '-', '-0', '\u{1f600}',
  ];
  test.each(runs)('of a megabyte of %j ends at once, with a bounded text', (run) => {
    const message = run.repeat(1_000_000 / run.length);
    let text = '';
    expect(effortOf(() => { text = scrub(message); })).toBeLessThan(2 * megabyte);
    expect(Array.from(text).length).toBeLessThanOrEqual(scrubbedMax);
    of(run.repeat(1_000));
  });
});
