/**
 * Bundles the workflows of a file named into another. In a process of its own (`bundled`), as service/workflow-bundle.ts has it and for
 * its reason.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

export type Workflows = 'ours' | 'bare' | 'measured';

/** Path of the bundle of bench/tasks/NAME/workflows.ts. */
export async function bundled(name: Workflows, folder: string): Promise<string> {
  const path = join(folder, `${name}-workflows.js`);
  await promisify(execFile)(
    process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'bundle.ts'), name, path], { timeout: 60_000 },
  );
  return path;
}

if (process.argv[1] === import.meta.filename) {
  const [name = '', path = ''] = process.argv.slice(2);
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(import.meta.dirname, name, 'workflows.ts'), logger: new DefaultLogger('WARN'),
  });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, code);
}
