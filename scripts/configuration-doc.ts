/**
 * Writes docs/configuration.md from the schema in service/configuration.ts. With --check it writes nothing and ends with 1
 * when the file is not what the schema says.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { configurationSchema } from '../service/configuration.ts';
import { optionsOrEnd } from './arguments.ts';

const path = join(import.meta.dirname, '..', 'docs', 'configuration.md');

/** What JSON Schema tells of one setting. */
const Setting = z.object({
  description: z.string().min(1),
  default: z.union([z.string(), z.number()]).optional(),
  enum: z.array(z.string()).optional(),
  type: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
});
type Setting = z.infer<typeof Setting>;

const Settings = z.object({ properties: z.record(z.string(), Setting) });

/** The page, from the schema alone. Throws when a setting has no description. */
function configurationPage(): string {
  const { properties } = Settings.parse(z.toJSONSchema(configurationSchema));
  const settings = Object.entries(properties);
  const own = settings.filter(([name]) => name.startsWith('GANGWAY_'));
  const common = settings.filter(([name]) => !name.startsWith('GANGWAY_'));
  return `${introduction}

## Addresses, identity and logs

${table(common)}

## Gangway's own settings

${table(own)}
`;
}

const introduction = `<!-- Made by scripts/configuration-doc.ts from service/configuration.ts: change the schema, then run the script. -->
# Configuration

Everything is configured by environment variables. They are read once, at start, and checked together: what is wrong is
named in one message, without the values, and nothing starts; so is a name that begins with \`GANGWAY_\` and is no setting. An
empty variable counts as not set, a blank one is refused. \`-\` as default means: not set.`;

function table(settings: readonly [string, Setting][]): string {
  const rows = settings.map(
    ([name, setting]) => `| \`${name}\` | ${fallback(setting)} | ${allowed(setting)} | ${cell(setting.description)} |`,
  );
  return ['| variable | default | allowed | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function fallback(setting: Setting): string {
  if (setting.default === undefined) return '-';
  return setting.default === '' ? 'empty' : `\`${cell(String(setting.default))}\``;
}

function allowed(setting: Setting): string {
  if (setting.enum !== undefined) return setting.enum.map((value) => `\`${cell(value)}\``).join(', ');
  if (setting.type !== 'integer') return 'text';
  return `${setting.minimum ?? ''} to ${setting.maximum ?? ''}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

const page = configurationPage();
const { check } = optionsOrEnd('Usage: npm run docs:configuration [-- --check]', { check: { type: 'boolean' } });
if (check === true) {
  const present = await readFile(path, 'utf8').catch(() => '');
  if (present !== page) {
    process.stderr.write(
      'docs/configuration.md is not what service/configuration.ts says: run sh scripts/run scripts/configuration-doc.ts\n',
    );
    process.exitCode = 1;
  }
} else {
  await writeFile(path, page);
}
