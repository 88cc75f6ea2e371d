/** npm run check:clients: makes a client by each generator, and completes a session with it. One line a generator. */
import { optionsOrEnd } from '../../scripts/arguments.ts';
import { newFolder } from '../support/folders.ts';
import { discard, startInstance } from '../support/instance.ts';
import { generators } from './generators.ts';
import { ToolMissing } from './tools.ts';

optionsOrEnd('Usage: npm run check:clients\n  Takes no arguments.', {});

const instance = await startInstance(await newFolder());
try {
  for (const { name, prove } of generators) {
    const began = performance.now();
    const line = await prove(instance).then((state) => ({ ok: state === 'completed', words: `session ${state}` }), (error: unknown) => {
      const words = error instanceof Error ? error.message.split('\n').find((text) => /error|warn/i.test(text))
        ?? error.message.slice(0, 200) : String(error);
      process.stderr.write(`${String(error)}\n`);
      return error instanceof ToolMissing ? { ok: null, words: `not run: ${words}` } : { ok: false, words };
    });
    const mark = line.ok === null ? 'missing' : line.ok ? 'ok' : 'FAILED';
    process.stdout.write(`${mark.padEnd(8)}${name.padEnd(38)}${((performance.now() - began) / 1_000).toFixed(1)} s  ${line.words}\n`);
    if (line.ok === false) process.exitCode = 1;
  }
} finally {
  await discard(instance);
}
