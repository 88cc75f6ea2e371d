/** What a person is told after an answer in words: what was understood, asked back, explained, or can be mended with a sentence. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { cast, proposed, tokenFor, type Body, type Person, type Reply } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { readStream } from './support/stream-reader.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();

interface Talk {
  readonly ana: Person;
  readonly id: string;
  readonly say: (text: string, messageId?: string) => Promise<Reply>;
  readonly answers: () => Promise<[string, unknown][]>;
}

/** A session that has come to a question, with other answers on the way where they are given. */
async function talkAt(question: string, start: object = {}, answers: Readonly<Record<string, unknown>> = {}): Promise<Talk> {
  const { ana } = await cast(instance);
  let session = await ana.start(start);
  const examples: Readonly<Record<string, unknown>> = {
    setup_urgency: 'planned', business_unit_type: 'office', business_unit_name: 'Pune Office', expected_users: 24,
    operating_hours: { start: '09:00', end: '17:30' }, go_live_on: null, security_level: 'basic', ...answers,
  };
  const id = session.session_id as string;
  while (session.question.id !== question) {
    const reply = await ana.answer(id, session.question.id as string, examples[session.question.id as string]);
    expect(reply.status).toBe(200);
    session = reply.body;
  }
  return {
    ana, id,
    say: (text, messageId = randomUUID()) => ana.post(`/sessions/${id}/answers/`, { text, message_id: messageId }),
    answers: async () => (await ana.get(`/sessions/${id}/answers/`)).body.answers
      .filter((entry: Body) => !entry.superseded).map((entry: Body) => [entry.question_id, entry.value]),
  };
}

/** What the repeat of a message is told too; the session beside it is as it is then, with the checkpoints made since. */
function toldIn({ status, body }: Reply): unknown {
  return { status, accepted: body.accepted, understood: body.understood, reply: body.reply };
}

/** Of the person's zone, which is where the test says it is. */
function dayIn(timezone: string, after: number): { date: string; said: string } {
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(Date.now());
  const day = new Date(Date.parse(`${today}T00:00:00Z`) + after * 86_400_000);
  const part = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options }).format(day);
  return {
    date: day.toISOString().slice(0, 10),
    said: `${part({ weekday: 'long' })} ${part({ day: 'numeric' })} ${part({ month: 'long' })} ${part({ year: 'numeric' })}.`,
  };
}

describe('what was understood', () => {
  test.each<[string, string, string, string, unknown, string, string]>([
    ['en', 'expected_users', 'about two dozen', '24 people.', 24, '24 people', 'operating_hours'],
    ['hi', 'expected_users', 'लगभग चौबीस', '24 लोग।', 24, '24 लोग', 'operating_hours'],
    ['en', 'security_level', 'the standard one please', 'Standard.', 'standard', 'Standard', 'gps_tracking'],
    ['hi', 'security_level', 'मानक', 'मानक।', 'standard', 'मानक', 'gps_tracking'],
    ['en', 'business_unit_name', 'It is called Lotus Store', 'Lotus Store.', 'Lotus Store', 'Lotus Store', 'expected_users'],
  ])('in %s, of %s, "%s" is said back as "%s", and the next question follows', async (
    language, question, text, said, value, display, next,
  ) => {
    const talk = await talkAt(question, { language });
    const { status, body } = await talk.say(text);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      accepted: [{ question_id: question, value }], understood: [{ question_id: question, value, display }], question: { id: next },
      reply: `${said} ${body.question.prompt}`,
    });
  });

  test('of a typed value is said back as well, and a skip is called one', async () => {
    const talk = await talkAt('operating_hours');
    const typed = await talk.ana.answer(talk.id, 'operating_hours', { start: '09:00', end: '17:30' });
    expect(typed.body.reply).toBe(`09:00 to 17:30. ${typed.body.question.prompt}`);
    expect(typed.body.understood).toMatchObject([{ display: '09:00 to 17:30' }]);
    const skipped = await talk.ana.answer(talk.id, 'go_live_on', null);
    expect([skipped.body.understood, skipped.body.reply]).toEqual([
      [{ question_id: 'go_live_on', value: null, display: 'Skipped' }], `Skipped. ${skipped.body.question.prompt}`,
    ]);
  });

  test('what was left out of the words is named, also to the repeat of the message', async () => {
    const talk = await talkAt('operating_hours');
    const first = await talk.say('9am to 5pm next Monday', 'hours');
    expect(first.body.reply).toBe(`09:00 to 17:00. I left out “next Monday”. ${first.body.question.prompt}`);
    expect(toldIn(await talk.say('9am to 5pm next Monday', 'hours'))).toEqual(toldIn(first));
  });

  // a zone in which it is hardly ever the same day as in the other
  test.each(['Pacific/Kiritimati', 'Pacific/Pago_Pago'])('of a relative day in %s is the day there, with its weekday', async (timezone) => {
    const talk = await talkAt('go_live_on', { client_context: { timezone } });
    const before = dayIn(timezone, 10);
    const { body } = await talk.say('in ten days');
    const after = dayIn(timezone, 10);
    expect([before.date, after.date]).toContain(body.accepted[0].value);
    expect([before, after].map(({ said }) => `${said} ${body.question.prompt}`)).toContain(body.reply);
  });

  test('of personal data is a mask, and the value goes to the caller alone', async () => {
    const talk = await talkAt('contact_email');
    const { body } = await talk.say('my mail is asha@example.com');
    expect(body.understood).toEqual([{ question_id: 'contact_email', value: 'asha@example.com', display: '•••@•••' }]);
    expect(body.reply).toMatch(/^•••@•••\. That was the last question/);
    expect(body.reply).not.toContain('asha');
  });
});

describe('words that can mean two things', () => {
  test('are asked back by both, change nothing and are no refusal; then one word picks', async () => {
    const talk = await talkAt('operating_hours');
    const before = await talk.ana.get(`/sessions/${talk.id}/`);
    const asked = await talk.say('5 to 9', 'which');
    expect([asked.status, asked.body.accepted, asked.body.understood]).toEqual([200, [], []]);
    expect(asked.body.reply).toBe('Do you mean 05:00 to 09:00 or 17:00 to 21:00?');
    expect(asked.body).toMatchObject({ answers_count: before.body.answers_count, question: { id: 'operating_hours' } });
    expect(asked.headers.get('etag')).toBe(before.headers.get('etag'));
    expect(toldIn(await talk.say('5 to 9', 'which'))).toEqual(toldIn(asked));
    const picked = await talk.say('in the evening', 'picked');
    expect(picked.body.accepted).toEqual([{ question_id: 'operating_hours', value: { start: '17:00', end: '21:00' } }]);
    expect(toldIn(await talk.say('in the evening', 'picked'))).toEqual(toldIn(picked));
  });

  test('or that bound a value are to be confirmed, and "yes" is about that only as the very next words', async () => {
    const talk = await talkAt('expected_users');
    expect((await talk.say('up to 40')).body.reply).toBe('Do you mean 40 people?');
    expect((await talk.say('purple')).status).toBe(422);
    expect((await talk.say('yes')).status).toBe(422);
    await talk.say('up to 40');
    expect((await talk.say('yes')).body.accepted).toEqual([{ question_id: 'expected_users', value: 40 }]);
  });

  test('are asked in Hindi in a session in Hindi', async () => {
    const talk = await talkAt('operating_hours', { language: 'hi' });
    expect((await talk.say('5 से 9')).body.reply).toBe('क्या आपका मतलब 05:00 से 09:00 या 17:00 से 21:00 है?');
    expect((await talk.say('शाम')).body.accepted).toEqual([{ question_id: 'operating_hours', value: { start: '17:00', end: '21:00' } }]);
  });
});

describe('a question about the question', () => {
  test('is answered with help and options, changes nothing, and its repeat gets the same', async () => {
    const talk = await talkAt('security_level');
    const { body: before, headers } = await talk.ana.get(`/sessions/${talk.id}/`);
    const help = await talk.say('what does standard mean?', 'help');
    expect(toldIn(help)).toEqual({
      status: 200, accepted: [], understood: [], reply: `${before.question.help} You can choose Basic, Standard or High.`,
    });
    expect([help.body.question, help.body.answers_count, help.body.state, help.headers.get('etag')]).toEqual([
      before.question, before.answers_count, before.state, headers.get('etag'),
    ]);
    expect(toldIn(await talk.say('what does standard mean?', 'help'))).toEqual(toldIn(help));
  });
});

describe('"I don\'t know"', () => {
  test('skips a question that can be skipped, and another is kindly said to be needed, without a refusal', async () => {
    const optional = await talkAt('go_live_on');
    const skipped = await optional.say('I don\'t know yet');
    expect([skipped.status, skipped.body.accepted]).toEqual([200, [{ question_id: 'go_live_on', value: null }]]);
    expect(skipped.body.reply).toBe(`Skipped. ${skipped.body.question.prompt}`);
    const needed = await talkAt('expected_users');
    const kept = await needed.say('I don\'t know', 'unknown');
    expect([kept.status, kept.body.accepted, kept.body.question.id]).toEqual([200, [], 'expected_users']);
    expect(kept.body.reply).toBe('This one is needed to go on. Please give a whole number from 1 to 1000.');
    expect(toldIn(await needed.say('I don\'t know', 'unknown'))).toEqual(toldIn(kept));
  });
});

describe('"no, 30" right after an answer', () => {
  test('amends that answer and not the question that is asked, and the repeat is told the same', async () => {
    const talk = await talkAt('expected_users');
    await talk.say('24');
    const amended = await talk.say('no, 30', 'amended');
    const { body } = amended;
    expect(body).toMatchObject({ accepted: [{ question_id: 'expected_users', value: 30 }], question: { id: 'operating_hours' } });
    expect(body.reply).toBe(`30 people. ${body.question.prompt}`);
    expect(await talk.answers()).toContainEqual(['expected_users', 30]);
    expect(toldIn(await talk.say('no, 30', 'amended'))).toEqual(toldIn(amended));
  });

  test('that is itself in doubt is asked back about that answer, and the pick amends it', async () => {
    const talk = await talkAt('operating_hours');
    await talk.say('9 to 6');
    expect((await talk.say('no, 5 to 9')).body).toMatchObject({ accepted: [], reply: 'Do you mean 05:00 to 09:00 or 17:00 to 21:00?' });
    expect((await talk.say('the second one')).body.accepted).toEqual([
      { question_id: 'operating_hours', value: { start: '17:00', end: '21:00' } },
    ]);
  });

  test('works behind the last question too, where other words are still 409 not_asked', async () => {
    const { ana, ben } = await cast(instance);
    const { session } = await proposed(ana, ben, { contact_email: 'asha@example.com' });
    const say = (text: string) => ana.post(`/sessions/${session.session_id}/answers/`, { text });
    const other = await say('thank you');
    expect([other.status, other.body.code]).toEqual([409, 'not_asked']);
    const amended = await say('sorry, I meant ravi@example.com');
    expect([amended.status, amended.body.accepted]).toEqual([200, [{ question_id: 'contact_email', value: 'ravi@example.com' }]]);
    expect(await ana.inState(session.session_id, 'awaiting_approval')).toBeDefined();
  });
});

test('each of these is an event of its own that tells nothing of the words, and only what was wrong counts as a refusal', async () => {
  const talk = await talkAt('operating_hours');
  const token = await tokenFor(instance, talk.ana.tenant, talk.ana.subject, ['user']);
  const reader = await readStream(instance.url, talk.id, token);
  await until('the stream has begun', () => reader.events.length > 0);
  for (const text of ['5 to 9', 'why do you ask?', 'I don\'t know', 'purple']) await talk.say(text);
  const told = (): unknown[] => reader.events.filter(({ data }) => data.question_id === 'operating_hours').map(
    ({ name, data }) => [name, data.event, data.properties],
  );
  await until('the refusal is told', () => told().length >= 4);
  reader.close();
  expect(told()).toEqual([
    ['question', 'question_clarified', { candidates: '2' }], ['question', 'help_given', undefined],
    ['question', 'question_not_skipped', undefined], ['question', 'answer_refused', { code: 'not_understood' }],
  ]);
  expect(reader.text()).not.toContain('purple');
});
