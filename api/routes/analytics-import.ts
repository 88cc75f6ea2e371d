/** Events of another system, line by line: a file of any size within its bound passes in bounded memory. */
import { z } from 'zod';
import { keepEvents, type Numbered, type RejectedLine } from '../../analytics/intake/importing.ts';
import { lineBytesMax, lineFaults, readLine } from '../../analytics/intake/imported-line.ts';
import { publishImports } from '../../analytics/intake/publishing.ts';
import { importBody, importType } from '../import-body.ts';
import { linesOf } from '../ndjson.ts';
import { audited, ok, route } from '../route.ts';
import type { Services } from '../services.ts';
import { incomingOf } from '../upload-access.ts';
import { json, moment } from '../wire.ts';

/** Most lines that are kept at once, and most bytes of them. */
const [batchLines, batchBytes] = [1_000, 2 * 1_048_576];
/** Most rejected lines that an answer names. */
const namedMax = 100;
const name = z.string().min(1).max(200);

const ImportLine = z.object({
  session_id: name.meta({ description: 'Any text. A UUID stays as it is, from others one is made' }),
  event: name.meta({ description: '1-200 printable characters without a comma. Names of stages count as stages' }),
  timestamp: moment,
  user: name.optional().meta({ description: 'Whoever it is: kept as a pseudonym' }),
  properties: z.record(z.string(), json).optional()
    .meta({ description: 'flow, flow_version, language, device, question_id and whatever else; at most 100' }),
}).meta({ id: 'ImportLine' });

const count = z.number().int().min(0);
const Imported = z.object({
  imported: count, duplicates: count.meta({ description: 'Same session, event and millisecond as one that is there' }),
  rejected: z.array(z.object({ line: z.number().int().min(1), code: z.enum(lineFaults), message: z.string() }))
    .meta({ description: `The first ${namedMax} of them` }),
  rejected_count: count,
}).meta({ id: 'Imported' });

export const importRoutes = [
  route.post('/admin/analytics/import', {
    summary: 'Take in events of another system, for reports', access: ['admin'], limits: ['api'], audit: 'analytics.import',
    raw: {
      type: importType, schema: ImportLine, keyless: true,
      description: `One event on each line, a line of at most ${lineBytesMax} bytes; plain or with Content-Encoding: gzip`,
    },
    headers: { request: { 'Content-Encoding': 'gzip, or none' } },
    answers: { 200: Imported }, problems: ['payload_too_large', 'unsupported_media_type', 'request_timeout', 'invalid_request'],
    handler: async ({ call, services }) => {
      const { tenant } = call.actor;
      const body = importBody(incomingOf(call), services.intake.bodyBytes);
      const done = await takeIn(services, tenant, body);
      const { imported, duplicates, rejected_count: rejected } = done;
      return audited(ok(done), { target: 'analytics', details: { imported, duplicates, rejected } });
    },
  }),
];

/** What was kept is shown in the reports also when the rest of the body never comes. */
async function takeIn(services: Services, tenant: string, body: AsyncIterable<Uint8Array>): Promise<z.input<typeof Imported>> {
  const { intake } = services;
  const rejected: RejectedLine[] = [];
  const done = { imported: 0, duplicates: 0, rejected, rejected_count: 0 };
  const note = (lines: readonly RejectedLine[]): void => {
    done.rejected_count += lines.length;
    rejected.push(...lines.slice(0, namedMax - rejected.length));
  };
  let batch: Numbered[] = [];
  let bytes = 0;
  const keep = async (): Promise<void> => {
    const taken = await keepEvents(intake, tenant, batch);
    done.imported += taken.imported;
    done.duplicates += taken.duplicates;
    note(taken.rejected);
    batch = [];
    bytes = 0;
  };
  try {
    for await (const { number: line, bytes: text } of linesOf(body, lineBytesMax)) {
      const read = readLine(text, tenant, services.now());
      if ('code' in read) note([{ line, ...read }]);
      else batch.push({ line, event: read });
      bytes += text?.length ?? 0;
      if (batch.length >= batchLines || bytes >= batchBytes) await keep();
    }
    await keep();
  } finally {
    await publishImports(intake, tenant);
  }
  return { ...done, rejected: rejected.sort((a, b) => a.line - b.line) };
}
