/**
 * The threads that run workflows. The SDK notes the stack of each promise there, so that its query `__stack_trace` can tell where a
 * workflow waits; that takes half of a start and more than half of what a cached session weighs (docs/cost.md), and no option of the
 * SDK leaves it out. So its threads are started with one file before their own, unless stacks are wanted.
 */
import threads from 'node:worker_threads';

const without = new URL('no-promise-stacks.ts', import.meta.url).href;
const execArgv = ['--disable-warning=ExperimentalWarning', '--import', without];

/** `create` starts them, and nothing else starts threads meanwhile. */
export async function startThreads<T>(create: () => Promise<T>, { stackTraces }: { readonly stackTraces: boolean }): Promise<T> {
  if (stackTraces) return create();
  const { Worker: Plain } = threads;
  threads.Worker = class extends Plain {
    constructor(...[file, options]: ConstructorParameters<typeof Plain>) { super(file, { ...options, execArgv }); }
  };
  try {
    return await create();
  } finally {
    threads.Worker = Plain;
  }
}
