import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { healCommand } from './heal-command.ts';

test('the command ends the workflow with the program, the address and the namespace that are in use, whatever stands in its id', () => {
  const heal = healCommand({ address: '127.0.0.1:7233', namespace: 'default', program: '/x/a b/temporal' });
  expect(heal('session:acme:1')).toBe(
    "'/x/a b/temporal' workflow terminate --workflow-id session:acme:1 --reason stuck --address 127.0.0.1:7233 --namespace default",
  );
  expect(healCommand({ address: 'a:1', namespace: 'n', program: null })('x')).toMatch(/^temporal workflow terminate /);
});

test('a shell gives the program the id as it is', () => {
  const heal = healCommand({ address: 'a:1', namespace: 'n', program: '/bin/echo' });
  for (const id of ["session:o'neill%20$(id):1", 'session:=0a:1', 'session:a;b:1']) {
    expect(execFileSync('sh', ['-c', heal(id)], { encoding: 'utf8' })).toContain(`--workflow-id ${id} `);
  }
});
