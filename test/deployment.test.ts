/**
 * The files for a deployment, read and not run: what they name exists, and nothing in them is left open. The image has tests of
 * its own (image.test.ts).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { configurationSchema } from '../service/configuration.ts';
import { root } from './support/folders.ts';
import type { Body } from './support/person.ts';

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly env_file?: unknown;
  readonly healthcheck?: {
    readonly test: readonly string[];
    readonly interval: string;
    readonly timeout: string;
    readonly retries: number;
  };
  readonly deploy?: { readonly resources: { readonly limits: { readonly cpus: string; readonly memory: string; readonly pids: number } } };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly command?: readonly string[];
}

let text = '';
let services: Readonly<Record<string, Service>> = {};
let volumes: Readonly<Record<string, unknown>> = {};
beforeAll(async () => {
  text = await readFile(join(root, 'docker-compose.yml'), 'utf8');
  ({ services, volumes } = parse(text, { merge: true, uniqueKeys: true }) as { services: typeof services; volumes: typeof volumes });
});

/** Those that do their work and end: somebody waits for that. */
function jobs(): string[] {
  return Object.values(services).flatMap(
    ({ depends_on: needed }) => Object.entries(needed ?? {}).flatMap(
      ([name, { condition }]) => (condition === 'service_completed_successfully' ? [name] : []),
    ),
  );
}

describe('docker-compose.yml', () => {
  test('has both roles and everything they need', () => {
    expect(Object.keys(services).sort()).toEqual([
      'api', 'clickhouse', 'postgres', 'temporal', 'temporal-namespace', 'temporal-schema', 'temporal-ui', 'valkey', 'worker',
    ]);
    expect([services['api']?.command, services['worker']?.command]).toEqual([['api'], ['worker']]);
  });

  test('pins every image to a version with at least two numbers', () => {
    for (const [name, { image }] of Object.entries(services)) {
      expect([name, image]).toEqual([name, expect.stringMatching(/^[\w./-]+:v?\d+\.\d+(\.\d+)*(-[\w.]+)?$/)]);
    }
  });

  test('limits every service, and watches each that is to stay', () => {
    for (const [name, { deploy, healthcheck }] of Object.entries(services)) {
      expect([name, deploy?.resources.limits]).toEqual([
        name, { cpus: expect.stringMatching(/^\d/), memory: expect.stringMatching(/^\d+[mg]$/), pids: expect.any(Number) },
      ]);
      if (jobs().includes(name)) continue;
      expect([name, healthcheck]).toEqual([
        name,
        expect.objectContaining({
          test: expect.arrayContaining([expect.stringMatching(/^CMD/)]), interval: expect.any(String), timeout: expect.any(String),
          retries: expect.any(Number),
        }),
      ]);
    }
  });

  test('sets nothing for Gangway but what its configuration knows', () => {
    const known = Object.keys(configurationSchema.shape);
    for (const name of ['api', 'worker']) {
      const set = Object.keys(services[name]?.environment ?? {});
      expect(set).toEqual(expect.arrayContaining([
        'TEMPORAL_ADDRESS', 'REDIS_URL', 'DATABASE_URL', 'CLICKHOUSE_URL', 'GANGWAY_CODEC_KEYS',
      ]));
      expect(set.filter((setting) => !known.includes(setting))).toEqual([]);
    }
  });

  test('hands every setting on: both roles get what stands in deploy/gangway.env, whose example names only settings that there are', async () => {
    const known = Object.keys(configurationSchema.shape);
    const example = await readFile(join(root, 'deploy', 'gangway.example.env'), 'utf8');
    const offered = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name ?? '');
    expect(offered.filter((name) => !known.includes(name))).toEqual([]);
    expect(offered).toEqual(expect.arrayContaining([
      'GANGWAY_METRICS_TOKEN', 'CHANGE_TARGET_URL', 'EVENT_WEBHOOK_URL', 'ALERT_WEBHOOK_URL', 'SLACK_WEBHOOK_URL', 'SMTP_URL',
    ]));
    for (const name of ['api', 'worker']) {
      expect(services[name]?.env_file).toEqual([{ path: 'deploy/gangway.env', required: false }]);
      // what compose sets to nothing would hide what the file says
      expect(Object.entries(services[name]?.environment ?? {}).filter(([, value]) => /:-\}$/.test(String(value)))).toEqual([]);
      expect(services[name]?.environment).toMatchObject({ GANGWAY_METRICS_PORT: '9464', HOST: '0.0.0.0' });
    }
  });

  test('waits only for what exists, and keeps its data in volumes with names', () => {
    for (const { depends_on: needed } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(needed ?? {})) {
        expect(Object.keys(services)).toContain(name);
        if (condition === 'service_healthy') expect(services[name]?.healthcheck).toBeDefined();
      }
    }
    for (const name of ['postgres', 'valkey', 'clickhouse', 'api', 'worker']) {
      const [mounted] = services[name]?.volumes ?? [];
      expect(Object.keys(volumes)).toContain(mounted?.split(':')[0]);
    }
  });

  test('mounts only files that are there', async () => {
    const mounts = Object.values(services).flatMap(
      ({ volumes: mounted }) => (mounted ?? []).filter((each) => each.startsWith('./')).map((each) => each.split(':')[0] ?? ''),
    );
    expect(mounts.length).toBeGreaterThan(0);
    for (const path of mounts) expect((await readFile(join(root, path), 'utf8')).length).toBeGreaterThan(0);
  });

  test('opens ports to this machine only, and has no secret in it', async () => {
    for (const port of Object.values(services).flatMap(({ ports }) => ports ?? [])) expect(port).toMatch(/^127\.0\.0\.1:/);
    const example = await readFile(join(root, 'deploy', 'example.env'), 'utf8');
    const offered = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name ?? '');
    const asked = [...text.matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map(([, name]) => name ?? '');
    expect([...new Set(asked)].sort()).toEqual([...offered].sort());
    for (const [line, name] of example.matchAll(/^(\w*(?:PASSWORD|KEYS?)\w*)=.*$/gm)) expect(line).toBe(`${name}=`);
    // must be given: no stand-in that somebody would forget to change
    for (const [whole] of text.matchAll(/\$\{\w*(?:PASSWORD|GANGWAY_\w*KEYS?)\w*[^}]*\}/g)) expect(whole).toMatch(/:\?\}$/);
  });

  test('keeps counters rather than evict them, and writes them down', () => {
    const command = services['valkey']?.command?.join(' ') ?? '';
    for (const setting of ['--maxmemory-policy noeviction', '--appendonly yes', '--requirepass']) expect(command).toContain(setting);
  });
});

test('Temporal gets the settings that make it fit for conversations', async () => {
  const settings = parse(await readFile(join(root, 'deploy', 'temporal', 'dynamic.yaml'), 'utf8')) as Body;
  expect(settings).toMatchObject({
    'history.transferProcessorMaxPollRPS': [{ value: 2000 }], 'history.timerProcessorMaxTimeShift': [{ value: '50ms' }],
  });
});
