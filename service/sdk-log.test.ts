import { expect, test } from '@jest/globals';
import type { LogEntry } from '@temporalio/worker';
import type { Logger } from 'pino';
import { failureTypeIn, sdkLog } from './sdk-log.ts';

test.each([
  [
    'CancelledFailure',
    'Failure { failure: Some(Failure { message: "Unhandled Promise rejection: CancelledFailure: Workflow cancelled", source: ' +
    '"TypeScriptSDK", stack_trace: "UnhandledRejectionError: Unhandled Promise rejection',
  ],
  [
    'TypeError',
    'Failure { failure: Some(Failure { message: "ana@acme.test said so", source: "TypeScriptSDK", stack_trace: "/x/bundle.js:6627\\n ' +
    'throw\\n\\nTypeError: ana@acme.test said so',
  ],
  ['NonDeterminismError', 'Failure { failure: Some(Failure { message: "[TMPRL1100] Nondeterminism error: No command scheduled for event' ],
  ['unknown', 'Failure { failure: Some(Failure { message: "ana said so"' ],
])('a failing workflow task is named by the class of its failure, %s, and by no word of its message', (name, failure) => {
  expect(failureTypeIn(failure)).toBe(name);
});

test('the line of a failing workflow task names workflow and failure, and is written without the workflow when nobody can say which it ' +
  'was', async () => {
  const lines: object[] = [];
  const counted: string[] = [];
  const log = { warn: (line: object, message: string) => { lines.push({ ...line, message }); } } as unknown as Logger;
  const entry = (runId: string): LogEntry => ({
    level: 'WARN', message: 'Failing workflow task', timestampNanos: 0n, meta: { runId, failure: 'x TypeError: y' },
  });
  const told = sdkLog({
    log, workflowIdOf: (id) => (id === 'r1' ? Promise.resolve('session:t:1') : Promise.reject(new Error('away'))),
    onFailedTask: (type) => { counted.push(type); },
  });
  told(entry('r1'));
  told(entry('r2'));
  await new Promise((resolve) => { setImmediate(resolve); });
  expect(lines).toEqual([
    expect.objectContaining({ workflow_id: 'session:t:1', run_id: 'r1', failure_type: 'TypeError', message: 'Failing workflow task' }),
    expect.objectContaining({ workflow_id: undefined, run_id: 'r2', failure_type: 'TypeError' }),
  ]);
  expect(counted).toEqual(['TypeError', 'TypeError']);
});
