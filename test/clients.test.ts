/** The document as programs read it. The other generators are looked at by npm run check:clients. */
import { writeFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { generators } from './clients/generators.ts';
import { npmTool, pythonTool, run, workFolder } from './clients/tools.ts';
import { root } from './support/folders.ts';
import { sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();
/** Downloads count here, once for each checkout. */
beforeAll(async () => {
  await npmTool('tsc');
  await pythonTool('python');
}, 600_000);

for (const name of ['openapi-typescript + openapi-fetch', 'openapi-python-client']) {
  test(`${name} makes a client of the document that compiles and completes a session`, async () => {
    expect(await generators.find((generator) => generator.name === name)?.prove(instance)).toBe('completed');
  });
}

test('redocly and spectral have nothing to say against the document', async () => {
  const folder = await workFolder('lint');
  try {
    const file = join(folder, 'openapi.json');
    await writeFile(file, await (await fetch(`${instance.url}/openapi.json`)).text());
    await run(await npmTool('redocly'), ['lint', file], { cwd: root });
    await run(await npmTool('spectral'), ['lint', file, '--fail-severity', 'warn'], { cwd: root });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
