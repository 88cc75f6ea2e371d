/** The generators of clients that the document is written for: each makes a client of it, which compiles and completes a session. */
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newTenant, tokenFor } from '../support/person.ts';
import { root } from '../support/folders.ts';
import { type InstanceAddress } from '../support/instance.ts';
import { jar, npmTool, pythonTool, run, workFolder } from './tools.ts';

export interface Generator {
  readonly name: string;
  /** Makes the client of the document, compiles it strictly where it compiles, and runs a program of it. Returns what that printed last. */
  readonly prove: (instance: InstanceAddress) => Promise<string>;
}

const programs = join(root, 'test', 'clients', 'programs');
const generatorVersion = '7.25.0';

const strict = { strict: true, target: 'es2022', lib: ['es2022', 'dom', 'dom.iterable'], types: [], skipLibCheck: false };
/** As a bundler takes it: nothing is written, Node strips the types. */
const bundled = { ...strict, module: 'esnext', moduleResolution: 'bundler', noEmit: true, allowImportingTsExtensions: true };
/** Imports without endings, which Node takes as CommonJS. */
const commonJs = { ...strict, module: 'commonjs', moduleResolution: 'node10', outDir: 'out', rootDir: '.' };

export const generators: readonly Generator[] = [
  {
    name: 'openapi-typescript + openapi-fetch',
    prove: (instance) => working('openapi-fetch', instance, async (folder) => {
      await run(await npmTool('openapi-typescript'), ['openapi.json', '-o', 'schema.d.ts'], { cwd: folder });
      await take(folder, { 'openapi-fetch.mts': 'session.mts', 'example.mts': 'example.mts' });
      await compile(folder, bundled, ['session.mts', 'schema.d.ts']);
      return [process.execPath, 'session.mts'];
    }),
  },
  {
    name: 'openapi-python-client',
    prove: (instance) => working('python', instance, async (folder) => {
      await take(folder, { 'openapi-python-client.yaml': 'generator.yaml' });
      const said = await run(await pythonTool('openapi-python-client'), [
        'generate', '--path', 'openapi.json', '--output-path', 'generated', '--meta', 'none', '--config', 'generator.yaml',
      ], {
        cwd: folder, env: { PATH: `${join(root, '.local', 'clients', 'python', 'bin')}:${process.env['PATH'] ?? ''}` },
      });
      if (/warning|error/i.test(said)) throw new Error(`It left something out:\n${said}`);
      await take(folder, { 'session.py': 'session.py' });
      return [await pythonTool('python'), 'session.py'];
    }),
  },
  {
    name: 'openapi-generator (typescript-fetch)',
    prove: (instance) => working('openapi-generator', instance, async (folder) => {
      const program = await jar('org.openapitools:openapi-generator-cli', generatorVersion);
      await run('java', ['-jar', program, 'generate', '-g', 'typescript-fetch', '-i', 'openapi.json', '-o', 'generated'], { cwd: folder });
      await take(folder, { 'openapi-generator.mts': 'session.ts', 'example.mts': 'example.ts' });
      await compile(folder, commonJs, ['session.ts', 'generated/index.ts']);
      return [process.execPath, 'out/session.js'];
    }),
  },
  {
    name: 'hey-api',
    prove: (instance) => working('hey-api', instance, async (folder) => {
      await run(await npmTool('openapi-ts'), ['-i', 'openapi.json', '-o', 'generated'], { cwd: folder });
      await take(folder, { 'hey-api.mts': 'session.ts', 'example.mts': 'example.ts' });
      await compile(folder, commonJs, ['session.ts', 'generated/index.ts']);
      return [process.execPath, 'out/session.js'];
    }),
  },
];

/** Fetches the document, makes a client by `make`, and runs the program that it names as two people of a new tenant. */
async function working(
  name: string, instance: InstanceAddress, make: (folder: string) => Promise<readonly [string, ...string[]]>,
): Promise<string> {
  const folder = await workFolder(name);
  try {
    await writeFile(join(folder, 'package.json'), '{ "private": true }');
    await writeFile(join(folder, 'openapi.json'), await (await fetch(`${instance.url}/openapi.json`)).text());
    const [program, ...args] = await make(folder);
    const tenant = newTenant();
    const [ana, ben] = await Promise.all([tokenFor(instance, tenant, 'ana', ['user']), tokenFor(instance, tenant, 'ben', ['approver'])]);
    const said = await run(program, args, { cwd: folder, env: { GANGWAY_URL: instance.url, ANA: ana, BEN: ben, NODE_NO_WARNINGS: '1' } });
    return said.trim().split('\n').at(-1) ?? '';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function take(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [from, to] of Object.entries(files)) await copyFile(join(programs, from), join(folder, to));
}

async function compile(folder: string, compilerOptions: object, files: readonly string[]): Promise<void> {
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  await run(await npmTool('tsc'), ['-p', '.'], { cwd: folder });
}
