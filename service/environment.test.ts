/** Settings that cannot be meant are refused, each by its name and in words that help, all at once. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { ConfigurationError } from '../domain/configuration-error.ts';
import { configurationSchema } from './configuration.ts';
import { examineEnvironment, readConfiguration } from './environment.ts';

const faultsOf = (environment: Readonly<Record<string, string>>): readonly string[] => examineEnvironment(environment).faults;

interface Described { readonly type?: string; readonly minimum?: number; readonly maximum?: number; readonly unit?: string }
const settings = Object.entries((z.toJSONSchema(configurationSchema) as { properties: Record<string, Described> }).properties);
const numbers = settings.filter(([, { type }]) => type === 'integer');

test('every number has finite bounds, and a duration the unit of its name', () => {
  const units: Readonly<Record<string, string>> = { _MS: 'milliseconds', _SECONDS: 'seconds', _HOURS: 'hours', _DAYS: 'days' };
  expect(numbers.length).toBeGreaterThan(50);
  for (const [name, { minimum, maximum, unit }] of numbers) {
    expect([name, Number.isFinite(minimum), Number.isFinite(maximum)]).toEqual([name, true, true]);
    expect([name, maximum]).not.toEqual([name, Number.MAX_SAFE_INTEGER]);
    const [, wanted = ''] = Object.entries(units).find(([ending]) => name.endsWith(ending)) ?? [];
    expect([name, unit]).toEqual([name, wanted]);
  }
});

test('no pause or deadline is longer than a timer of Node can be: thirty days in milliseconds are refused', () => {
  for (const [name, { maximum = Infinity, unit }] of numbers) {
    if (unit === 'milliseconds' || unit === 'seconds') {
      expect([name, maximum * (unit === 'seconds' ? 1_000 : 1) < 2 ** 31]).toEqual([name, true]);
    }
  }
  expect(faultsOf({ GANGWAY_EVENT_POLL_MS: '2592000000' })).toEqual([
    'GANGWAY_EVENT_POLL_MS: must be a whole number from 1 to 60000, milliseconds',
  ]);
});

test('a number in digits within its bounds is read as it stands, and nothing else is a number', () => {
  fc.assert(fc.property(fc.constantFrom(...numbers), fc.nat(), ([name, { minimum = 0, maximum = 0 }], given) => {
    const value = minimum + (given % (maximum - minimum + 1));
    expect(examineEnvironment({ [name]: String(value) }).configuration).toMatchObject({ [name]: value });
  }));
  const no = fc.oneof(
    fc.constantFrom('1e3', '0x10', '-1', '+1', '1.5', '1,000', ' 8', '8 ', 'NaN', 'Infinity', '٣'),
    fc.string({ minLength: 1 }).filter((text) => !/^\d+$/.test(text)),
  );
  fc.assert(fc.property(fc.constantFrom(...numbers), no, ([name], value) => {
    expect(faultsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name}: (must be a whole number|is blank)`))]);
  }));
});

test('a blank setting is refused and never read as zero or as a name', () => {
  for (const [name] of settings) expect(faultsOf({ [name]: ' \t' })).toEqual([`${name}: is blank: give it a value, or leave it out`]);
  expect(faultsOf(Object.fromEntries(settings.map(([name]) => [name, ''])))).toEqual([]);
});

test.each([
  ['REDIS_URL', 'http://cache:6379', 'must begin with redis:// or rediss://, not with http://'],
  ['REDIS_URL', 'cache:6379', 'must begin with redis://'],
  ['DATABASE_URL', 'postgres://gangway:s3#cret@db:5432/gangway', 'percent-encoded'],
  ['DATABASE_URL', 'postgres://gangway:12#3@db/gangway', 'percent-encoded'],
  ['DATABASE_URL', 'postgres://gangway:12?3@db/gangway', 'percent-encoded'],
  ['DATABASE_URL', 'postgres://gangway:12/3@db/gangway', 'percent-encoded'],
  ['DATABASE_URL', 'postgres://gangway:s3%cret@db/gangway', 'percent-encoded'],
  ['DATABASE_URL', 'mysql://db/gangway', 'must begin with postgres:// or postgresql://, not with mysql://'],
  ['JWKS_URL', 'id.example.org/keys', 'must begin with https://'],
  ['CLICKHOUSE_URL', 'clickhouse://reports:9000', 'must begin with http:// or https:// or file://'],
  ['TEMPORAL_ADDRESS', 'http://temporal:7233', 'must be host:port, without http://'],
  ['TEMPORAL_ADDRESS', 'temporal', 'must be host:port'],
  ['TRUSTED_PROXIES', 'the proxy', 'is no network'],
  ['CHAT_MODEL', 'large', 'needs OPENAI_BASE_URL, OPENAI_API_KEY or both'],
  ['GANGWAY_ALLOW_PRIVATE_URLS', 'yes', 'must be true or false'],
])('%s=%s is told by its name, and no secret in it is repeated', (name, value, said) => {
  const faults = faultsOf({ [name]: value });
  expect(faults).toEqual([expect.stringContaining(`${name}: `)]);
  expect(faults[0]).toContain(said);
  expect(faults[0]).not.toMatch(/s3|cret|12/);
});

test('a bucket takes a key and its secret, or neither; without a bucket they may lie there for something else', () => {
  expect(faultsOf({ S3_BUCKET: 'uploads', S3_ACCESS_KEY_ID: 'id' })).toEqual(['S3_SECRET_ACCESS_KEY: is needed with S3_ACCESS_KEY_ID']);
  expect(faultsOf({ S3_BUCKET: 'uploads', S3_SECRET_ACCESS_KEY: 'x' })).toEqual(['S3_ACCESS_KEY_ID: is needed with S3_SECRET_ACCESS_KEY']);
  expect([faultsOf({ S3_BUCKET: 'uploads' }), faultsOf({ S3_ACCESS_KEY_ID: 'id' })]).toEqual([[], []]);
});

test('addresses that are written right pass', () => {
  for (const [name, value] of [
    ['DATABASE_URL', 'postgres://gangway:s3%23cret@db:5432/gangway?sslmode=require'],
    ['DATABASE_URL', 'postgresql:///gangway?host=/var/run/postgresql'],
    ['REDIS_URL', 'rediss://:pass@cache:6380/1'], ['CLICKHOUSE_URL', 'file:///var/lib/gangway/clickhouse'],
    ['TEMPORAL_ADDRESS', '[::1]:7233'],
    ['TEMPORAL_ADDRESS', 'temporal.example.org:7233'], ['JWKS_URL', 'http://127.0.0.1:9/keys'],
  ] as const) expect([value, faultsOf({ [name]: value })]).toEqual([value, []]);
});

test('a misspelt name is refused with the one that was meant; what a cluster sets for a service of our name is not', () => {
  expect(faultsOf({ GANGWAY_EVENT_POL_MS: '500', GANGWAY_STREAM: '7', GANGWAY_PORT: '9000', GANGWAY_WHATEVER: 'x' })).toEqual([
    'GANGWAY_EVENT_POL_MS: is no setting. Did you mean GANGWAY_EVENT_POLL_MS?',
    'GANGWAY_STREAM: is no setting. Did you mean GANGWAY_STREAMS?',
    'GANGWAY_PORT: is no setting. Did you mean PORT?', 'GANGWAY_WHATEVER: is no setting. docs/configuration.md has them all',
  ]);
  expect(faultsOf({
    GANGWAY_SERVICE_HOST: '10.0.0.1', GANGWAY_SERVICE_PORT: '8080', GANGWAY_SERVICE_PORT_HTTP: '8080', GANGWAY_PORT: 'tcp://10.0.0.1:8080',
    GANGWAY_PORT_8080_TCP: 'tcp://10.0.0.1:8080', GANGWAY_PORT_8080_TCP_PROTO: 'tcp', GANGWAY_PORT_8080_TCP_ADDR: '10.0.0.1',
    GANGWAY_API_SERVICE_HOST: '10.0.0.2',
  })).toEqual([]);
});

test('all that is wrong is told at once, also what is wrong between settings, and each but once', () => {
  const environment = {
    PORT: ' ', GANGWAY_LLM_INPUT_PRICE: ' ', EVENT_WEBHOOK_URL: 'http://127.0.0.1/', EVENT_WEBHOOK_SECRET: 'short', SMTP_URL: 'smtp://mail',
    GANGWAY_POLL: '1', CHAT_MODEL: 'large',
  };
  const names = faultsOf(environment).map((fault) => fault.split(':')[0]);
  expect(names).toEqual([
    'PORT', 'EVENT_WEBHOOK_SECRET', 'GANGWAY_LLM_INPUT_PRICE', 'EVENT_WEBHOOK_URL', 'GANGWAY_ALERT_MAIL_TO', 'GANGWAY_ALERT_MAIL_FROM',
    'CHAT_MODEL', 'GANGWAY_POLL',
  ]);
  expect(() => readConfiguration(environment)).toThrow(ConfigurationError);
});
