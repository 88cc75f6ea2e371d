/** Bundles the workflow code into the file named, whole or not at all. Started by the worker when its bundle is missing. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { workflowSources } from '../service/workflow-bundle.ts';

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('Usage: bundle-workflows.ts FILE');
const project = join(import.meta.dirname, '..');
const { code } = await bundleWorkflowCode({
  workflowsPath: join(project, 'workflows', 'main.ts'), failureConverterPath: join(project, 'engine', 'failure-converter.ts'),
  // none of our modules keeps anything between calls: they are loaded once and frozen, not again for each session
  preloadModules: workflowSources(project),
  logger: new DefaultLogger('WARN'),
  // the project's own name may be one that webpack cannot read, and what it was started by is another (service/worker.ts)
  webpackConfigHook: (config) => ({
    ...config, resolve: { ...config.resolve, symlinks: false }, resolveLoader: { ...config.resolveLoader, symlinks: false },
  }),
});
const own = `${path}.${process.pid}`;
await writeFile(own, code);
await rename(own, path);
