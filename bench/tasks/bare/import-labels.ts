/** A long list, a hundred at a time: it tells how far it is, stops when nobody waits, and goes on where the last attempt ended. */
import { z } from 'zod';
import { attempt, sessionTask, type Services } from './attempt.ts';

const label = z.object({ code: z.string(), label: z.string(), category: z.string() });
const schema = sessionTask.extend({ prefix: z.string(), labels: z.array(label).max(10_000) });
export type ImportLabels = z.input<typeof schema>;
const batch = 100;

export const importLabels = (services: Services) => (raw: ImportLabels): Promise<{ imported: number }> => (
  attempt({ name: 'importLabels', schema, timeoutMs: 300_000, services, raw }, async (
    { tenant, prefix, labels }, { database, log, signal }
  ) => {
    const [known] = await database.transaction(
      tenant,
      (query) => query(
        'SELECT count(*)::int AS count FROM configuration.type_assists WHERE tenant = $1 AND starts_with(key, $2)', [tenant, `${prefix}/`],
      ),
    );
    for (let done = Number(known?.['count'] ?? 0); done < labels.length; done += batch) {
      signal.throwIfAborted();
      await database.transaction(tenant, (query) => query(
        `INSERT INTO configuration.type_assists (tenant, key, code, label, category)
         SELECT $1, $2 || '/' || code, code, label, category FROM jsonb_to_recordset($3) AS given (code text, label text, category text)
         ON CONFLICT (tenant, key) DO NOTHING`, [tenant, prefix, JSON.stringify(labels.slice(done, done + batch))],
      ));
      log.info({ done: Math.min(done + batch, labels.length), total: labels.length }, 'labels imported');
    }
    return { imported: labels.length };
  })
);
