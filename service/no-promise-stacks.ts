/** Loaded first in threads that run workflows: nobody notes the stack of every promise (service/workflow-threads.ts). */
import v8 from 'node:v8';

v8.promiseHooks.createHook = () => () => undefined;
