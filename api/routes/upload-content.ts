import { z } from 'zod';
import { fileFamilies } from '../../domain/upload.ts';
import type { UploadRow } from '../../stores/postgres/uploads.ts';
import { familyFacts } from '../../uploads/content/families.ts';
import { downloadName } from '../../uploads/content/file-name.ts';
import { attachment } from '../attachment.ts';
import { byteRange } from '../byte-range.ts';
import type { Call } from '../call.ts';
import { notFound, Problem } from '../problem.ts';
import { nothing, route, type Download } from '../route.ts';
import type { Services } from '../services.ts';
import { visibleUpload } from '../upload-access.ts';
import { uploadParams } from '../upload-wire.ts';
import { clientId } from '../wire.ts';

const downloadQuery = z.strictObject({
  ...clientId, download: z.string().max(10).optional().meta({ description: 'Whatever it says, the answer is an attachment' }),
});
const answerHeaders = {
  'Accept-Ranges': 'bytes', 'Content-Disposition': 'attachment, with the name of the file',
  'Content-Range': 'Of a part (206), or the size in bytes (416)',
};
const headers = {
  request: { Range: 'One range of bytes: 206', 'If-Range': 'ETag that the range is of', 'If-None-Match': 'ETag that is known: 304' },
  answer: answerHeaders,
};

export const uploadContentRoutes = [
  route.get('/sessions/:session_id/uploads/:upload_id/content', {
    summary: 'The bytes of a file, as an attachment; only when it is clean', access: ['user'], limits: ['api'],
    audit: { action: 'upload.download', when: 'others' }, params: uploadParams, query: downloadQuery,
    sends: [...new Set(fileFamilies.map((family) => familyFacts[family].type))], headers, answers: { 304: nothing }, versioned: true,
    problems: ['not_clean', 'range_not_satisfiable'],
    handler: async ({ params, call, services }) => {
      const { upload, clean } = await cleanUpload(services, call, params);
      const { type } = familyFacts[clean.family];
      const name = downloadName(services.uploads.nameOf(upload), type);
      return download(services, call, upload, { what: 'clean', type, name, tag: clean.sha256 });
    },
  }),
  route.get('/sessions/:session_id/uploads/:upload_id/thumbnail', {
    summary: 'A small picture of a picture', access: ['user'], limits: ['api'], audit: { action: 'upload.thumbnail', when: 'others' },
    params: uploadParams, query: downloadQuery, sends: ['image/jpeg', 'image/png', 'image/webp'], headers,
    answers: { 304: nothing }, versioned: true,
    problems: ['not_clean', 'range_not_satisfiable'],
    handler: async ({ params, call, services }) => {
      const { upload, clean } = await cleanUpload(services, call, params);
      if (!clean.thumbnail) throw notFound();
      // in the form of the picture that it is of
      const { type } = familyFacts[clean.family];
      const name = downloadName('thumbnail', type);
      return download(services, call, upload, { what: 'thumbnail', type, name, tag: `${clean.sha256}-thumbnail` });
    },
  }),
];

async function cleanUpload(services: Services, call: Call, params: { readonly session_id: string; readonly upload_id: string }) {
  const upload = await visibleUpload(services, call, params);
  if (upload.status === 'clean' && upload.clean !== null) return { upload, clean: upload.clean };
  const isRejected = upload.status === 'rejected';
  const detail = isRejected ? 'This file was looked into and is not handed out.' : 'This file is still being looked into.';
  throw new Problem('not_clean', detail, {
    errors: [{
      pointer: '', code: upload.status, message: upload.reason ?? `It is ${upload.status}.`,
      fix: isRejected ? 'Send another file.' : 'Ask for its state, and again when it is clean.',
    }],
  });
}

interface Part { readonly what: 'clean' | 'thumbnail'; readonly type: string; readonly name: string; readonly tag: string }

async function download(services: Services, call: Call, upload: UploadRow, { what, type, name, tag }: Part): Promise<Download> {
  const stored = await services.uploads.content(upload, what);
  if (stored === null) throw notFound();
  const { header } = call;
  const etag = `"${tag}"`;
  const audit = { owner: upload.owner };
  // told again with 304 and 416: whoever keeps the bytes keeps how they may be used
  const always = {
    'Content-Type': type, 'Content-Disposition': attachment(name), ETag: etag, 'Accept-Ranges': 'bytes',
    'Content-Security-Policy': "sandbox; default-src 'none'", 'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'private, no-cache',
  };
  if (namesTag(header('if-none-match'), etag)) return { status: 304, headers: always, bytes: null, audit };
  const ifRange = header('if-range');
  const range = byteRange(ifRange === '' || ifRange === etag ? header('range') : '', stored.size);
  if (range === 'unsatisfiable') {
    throw new Problem('range_not_satisfiable', `This file has ${stored.size} bytes.`, {
      headers: { 'Content-Range': `bytes */${stored.size}` },
    });
  }
  const { start, end } = range === 'all' ? { start: 0, end: stored.size } : range;
  const isPart = range !== 'all';
  return {
    status: isPart ? 206 : 200, bytes: call.method === 'HEAD' ? null : stored.read(start, end), audit,
    headers: {
      ...always, 'Content-Length': String(end - start), ...(isPart ? { 'Content-Range': `bytes ${start}-${end - 1}/${stored.size}` } : {}),
    },
  };
}

/** Weakly compared, as If-None-Match is. */
function namesTag(header: string, etag: string): boolean {
  return header.split(',', 32).some((part) => ['*', etag, `W/${etag}`].includes(part.trim()));
}
