/** What autovacuum would soon have done; on a connection of its own, since it runs in no transaction. */
import { Client } from 'pg';

export async function vacuum(databaseUrl: string, table: 'sessions' | 'tasks'): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(`VACUUM ANALYZE ${table}`);
  } finally {
    await client.end();
  }
}
