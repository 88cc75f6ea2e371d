/** Lines that operators copy into the Temporal Web UI or its command line: each runs on the real engine, on its own index. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client, Connection } from '@temporalio/client';
import { connectEngine } from '../engine/connection.ts';
import { runFileOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';

let client: Client;
let connection: Connection;
beforeAll(async () => {
  const { urls } = await runFileOf(await sharedInstance());
  ({ client, connection } = await connectEngine({ address: urls.temporalAddress, namespace: 'default' }));
});
afterAll(() => connection.close());

const queries = (
  await Promise.all(['operations', 'dead-letter-queue'].map((name) => readFile(new URL(`../docs/${name}.md`, import.meta.url), 'utf8')))
)
  .flatMap((text) => [...text.matchAll(/^(?:(?:Gw[A-Za-z]+|WorkflowType) (?:=|IN) .+|temporal workflow list --query '(.+)')$/gm)]).map(
    ([line, quoted]) => quoted ?? line,
  );

test('there are some', () => { expect(queries.length).toBeGreaterThanOrEqual(10); });

test.each(queries)('%s', async (query) => {
  const { count } = await client.workflow.count(query);
  expect(count).toBeGreaterThanOrEqual(0);
});

test('a query with a name that nobody knows would be told', async () => {
  await expect(client.workflow.count('GwNothing = "x"')).rejects.toMatchObject({
    cause: { details: expect.stringContaining('GwNothing') },
  });
});
