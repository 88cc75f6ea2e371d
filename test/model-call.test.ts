import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { ModelCallError, type ChatModel, type ModelReply } from '../activities/model/chat-model.ts';
import { createOpenAiChatModel } from '../activities/model/openai-chat-model.ts';
import {
  closing, completion, failureOf, flooding, hanging, json, raw, says, stalling, startFakeModel, status, type Behaviour, type FakeModel,
} from './support/fake-model.ts';

const now = Date.UTC(2026, 2, 25, 12);
const key = 'sk-never-shown';
let fake: FakeModel;
let logged: string[] = [];
const log = pino({ level: 'trace' }, { write: (line: string) => { logged.push(line); } });

beforeAll(async () => { fake = await startFakeModel(); });
afterAll(() => fake.close());
afterEach(() => {
  expect(logged.join('')).not.toMatch(/sk-never-shown|secret words/);
  logged = [];
});

function chat(): ChatModel {
  return createOpenAiChatModel({ baseUrl: `${fake.url}/`, apiKey: key, model: 'small', now: () => now, log });
}

function ask(timeoutMs = 5_000, client = chat(), signal = new AbortController().signal): Promise<ModelReply> {
  return client.complete({
    system: 's', user: 'secret words of a person', schema: { type: 'object' }, schemaName: 'answer', signal, timeoutMs,
    maxOutputTokens: 100,
  });
}

describe('the call', () => {
  test('carries the key, the schema and the limit, and says what it cost', async () => {
    fake.play(says({ value: 12 }));
    expect(await ask()).toEqual({ kind: 'json', value: { value: 12 }, usage: { inputTokens: 40, outputTokens: 9, source: 'reported' } });
    expect(fake.calls[0]).toMatchObject({
      path: '/v1/chat/completions', headers: { authorization: `Bearer ${key}` },
      body: {
        model: 'small', max_tokens: 100,
        response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: { type: 'object' } } },
      },
    });
  });

  test.each<[string, Behaviour, object]>([
    ['hangs', hanging, { failure: 'timeout', status: null }],
    ['stalls in the body', stalling, { failure: 'timeout', status: null }],
    ['closes after the headers', closing, { failure: 'network', status: null }],
    ['redirects', raw(307, { location: 'http://127.0.0.1:1/' }, ''), { failure: 'status', status: 307 }],
    ['answers 401', status(401), { failure: 'status', status: 401 }],
    ['answers 500', status(500), { failure: 'status', status: 500 }],
  ])('a server that %s fails the one call, within its time, without a word of the prompt or the key', async (
    _what, behaviour, expected
  ) => {
    fake.play(behaviour);
    // only one that says nothing is waited for
    const error = await failureOf(ask(behaviour === hanging || behaviour === stalling ? 3_000 : 20_000));
    expect(error).toBeInstanceOf(ModelCallError);
    expect(error).toMatchObject(expected);
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toMatch(/secret words|sk-never/);
    expect(fake.calls).toHaveLength(1);
  });

  test('a caller that gives up ends the call at once', async () => {
    fake.play(hanging);
    const controller = new AbortController();
    const call = failureOf(ask(30_000, chat(), controller.signal));
    controller.abort();
    expect(await call).toMatchObject({ failure: 'aborted' });
  });

  test.each<[string, number | null]>([
    ['7', 7], ['3600', 120], ['Wed, 25 Mar 2026 12:00:09 GMT', 9], ['Wed, 25 Mar 2026 14:00:00 GMT', 120], ['0', null], ['-1', null],
    ['abc', null], ['1.5', null],
    ['Wed, 25 Mar 2026 11:59:00 GMT', null], ['2027', 120], ['2026-03-25', null],
  ])('Retry-After %s asks for %p seconds', async (header, seconds) => {
    fake.play(status(429, { 'retry-after': header }));
    expect(await failureOf(ask())).toMatchObject({ status: 429, retryAfterSeconds: seconds });
  });

  test('an error is told by its status, whatever becomes of its body', async () => {
    fake.play((response) => { response.writeHead(503, { 'retry-after': '7' }).write('{"error":'); });
    expect(await failureOf(ask(500))).toMatchObject({ status: 503, retryAfterSeconds: 7 });
    fake.play((response) => {
      response.writeHead(401).write('{');
      setImmediate(() => { response.destroy(); });
    });
    expect(await failureOf(ask())).toMatchObject({ status: 401 });
  });

  test('an option that the server refuses is left out from then on, and only a server that then agrees is remembered so', async () => {
    const client = chat();
    const refuse = (named: string) => json(400, { error: { message: `${named} is not supported` } });
    fake.play(refuse('response_format'), refuse('response_format'));
    expect(await failureOf(ask(5_000, client))).toMatchObject({ status: 400 });
    expect(fake.calls).toHaveLength(2);
    fake.play(refuse('response_format'), says({ value: 1 }));
    expect(await ask(5_000, client)).toMatchObject({ kind: 'json' });
    expect(fake.calls.map(({ body }) => 'response_format' in body)).toEqual([true, false]);
    expect(logged.filter((line) => line.includes('response_format'))).toHaveLength(1);
    fake.play(says({ value: 1 }));
    await ask(5_000, client);
    expect(fake.calls.map(({ body }) => 'response_format' in body)).toEqual([false]);
    fake.play(refuse("'max_tokens'"), says({ value: 1 }));
    expect(await ask(5_000, client)).toMatchObject({ kind: 'json' });
    expect(fake.calls[1]?.body).toMatchObject({ max_completion_tokens: 100 });
    expect(fake.calls[1]?.body).not.toHaveProperty('max_tokens');
  });

  test.each<[string, Behaviour]>([
    ['a refusal in place of content', completion({ content: null, refusal: 'I cannot help with that.' })],
    ['a refusal beside content', completion({ content: '{"value":12}', refusal: 'I cannot help with that.' })],
    ['a refusal among parts', completion({ content: [{ type: 'refusal', refusal: 'No.' }] })],
    ['a content filter', completion({ content: '{"value":12}' }, {}, 'content_filter')],
    ['a filter of the prompt, said by 400', json(400, { error: { code: 'content_filter', message: 'filtered' } })],
  ])('%s is a refusal', async (_what, behaviour) => {
    fake.play(behaviour);
    expect(await ask()).toMatchObject({ kind: 'refused' });
    expect(fake.calls).toHaveLength(1);
  });

  test.each<[string, Behaviour, string]>([
    ['no choice', json(200, { choices: [] }), 'no_choice'],
    ['no content', completion({ content: null }), 'no_content'],
    ['blank content', says('  '), 'no_content'],
    ['an error with 200', json(200, { error: { message: 'quota', code: 429 } }), 'error_body'],
    ['a page', raw(200, { 'content-type': 'text/html' }, '<html>Sign in {"value": 12}</html>'), 'not_json'],
    ['a cut body', raw(200, { 'content-type': 'application/json' }, '{"choices":[{"message":{"content":"{}'), 'not_json'],
    ['an answer that ran into its limit', completion({ content: '{"value":12}' }, {}, 'length'), 'cut'],
    ['cut JSON', says('{"value": 1'), 'not_one_object'],
    ['cut JSON in a fence', says('```json\n{"value": {"start": "09:00"}\n```'), 'not_one_object'],
    ['JSON without its beginning', says('"value": {"a": 1}}'), 'not_one_object'],
    ['wrong JSON', says("{'value': 12}"), 'not_one_object'],
    ['two objects', says('{"value": 12} {"value": 13}'), 'not_one_object'],
    ['an object and braces in prose', says('Use {value}: {"value": 12}'), 'not_one_object'],
    ['a list', says('[{"value": 12}]'), 'not_one_object'],
    ['a list that was cut', says('[{"value": 12},'), 'not_one_object'],
    ['a list in a fence', says('```\n[{"value": 12}]\n```'), 'not_one_object'],
    ['a thought that never ends', says('<think>{"value": 12}'), 'not_one_object'],
    ['a bare number', says('12'), 'not_one_object'],
    ['more than a megabyte', says(`{"value": "${'x'.repeat(1_100_000)}"}`), 'too_large'],
    ['a flood', flooding, 'too_large'],
    [
      'a stream that breaks off', raw(200, { 'content-type': 'text/event-stream' }, 'data: {"choices":[{"delta":{"content":"{}"}}]}\n\n'),
      'not_json',
    ],
  ])('%s is no answer', async (_what, behaviour, reason) => {
    fake.play(behaviour);
    expect(await ask()).toMatchObject({ kind: 'unusable', reason });
    expect(fake.calls).toHaveLength(1);
  });

  test.each<[string, Behaviour]>([
    ['in a fence', says('```json\n{"value": "a } b {"}\n```')],
    ['in prose', says('Here it is:\n{"value": "a } b {"}\nAnything else?')],
    ['after a thought with another object', says('<think>{"a":1} or {</think>\n{"value": "a } b {"}')],
    ['after the end of a thought alone', says('so {"a":1} </think> {"value": "a } b {"}')],
    ['in parts', completion({ content: [{ type: 'text', text: '{"value": "a } ' }, { type: 'text', text: 'b {"}' }] })],
    ['in a stream that nobody asked for', raw(200, { 'content-type': 'text/event-stream' }, [
      '{"choices":[{"delta":{"role":"assistant","content":""}}]}', '{"choices":[{"delta":{"content":"{\\"value\\": \\"a } "}}]}',
      '{"choices":[{"delta":{"content":"b {\\"}"},"finish_reason":"stop"}]}', '[DONE]',
    ].map((line) => `data: ${line}\n\n`).join(''))],
  ])('one object %s is the answer, without another call', async (_what, behaviour) => {
    fake.play(behaviour);
    expect(await ask()).toMatchObject({ kind: 'json', value: { value: 'a } b {' } });
    expect(fake.calls).toHaveLength(1);
  });

  test.each<[unknown, string]>([
    [undefined, 'missing'], [null, 'missing'], ['much', 'absurd'], [{ prompt_tokens: -4, completion_tokens: 9 }, 'absurd'],
    [{ prompt_tokens: 40, completion_tokens: 1e12 }, 'absurd'],
    [{ prompt_tokens: 4.5, completion_tokens: 9 }, 'absurd'], [{}, 'absurd'],
  ])('a usage of %j is %s: an estimate within the bounds of the call is booked', async (usage, source) => {
    fake.play(completion({ content: '{"value": 12}' }, { usage }));
    const { usage: booked } = await ask();
    expect(booked.source).toBe(source);
    expect(booked.inputTokens).toBeGreaterThan(0);
    expect(booked.inputTokens).toBeLessThan(500);
    expect(booked.outputTokens).toBeLessThanOrEqual(100);
    expect(logged.some((line) => line.includes('cannot be'))).toBe(source === 'absurd');
  });
});
