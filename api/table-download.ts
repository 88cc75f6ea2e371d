/** A table as a file. */
import { z } from 'zod';
import { attachment } from './attachment.ts';
import type { Download } from './route.ts';

export type TableFormat = 'csv' | 'parquet';

const types: Readonly<Record<TableFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present', parquet: 'application/vnd.apache.parquet',
};

export const tableTypes = ['text/csv', types.parquet];
/** Of a request. */
export const formatParameter = z.enum(['json', 'csv', 'parquet']).optional();

export interface TableFile {
  /** Without its ending. */
  readonly name: string;
  readonly format: TableFormat;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Not called where only the headers are asked for. */
  readonly bytes: () => Promise<AsyncIterable<Uint8Array>>;
}

export async function download({ name, format, method, headers, bytes }: TableFile): Promise<Download> {
  return {
    status: 200, bytes: method === 'HEAD' ? null : await bytes(),
    headers: { ...headers, 'Content-Type': types[format], 'Content-Disposition': attachment(`${name}.${format}`) },
  };
}

/** What was begun and is not sent is read a piece of, which is what lets go of it. */
export async function brokenOff(begun: Download | null): Promise<void> {
  // oxlint-disable-next-line no-unreachable-loop -- leaving it is what ends the reading
  for await (const _piece of begun?.bytes ?? []) break;
}
