/** An upload is looked into: scanned, cleaned of what nobody asked for, and said to be clean or not. */
import { ApplicationFailure } from '@temporalio/activity';
import { z } from 'zod';
import type { UploadVerdict } from '../domain/upload.ts';
import { sessionTask } from './inputs.ts';
import { defineTask } from './task.ts';

/** A scan and a picture of 50 megapixels in a child process, which has 60 s, behind others that wait for their turn. */
const timeoutMs = 300_000;

const input = sessionTask.extend({ upload_id: z.uuid(), object_id: z.uuid(), last: z.boolean() });

/** `last`: what nothing can be said of is a failure. */
export const processUpload = defineTask({
  name: 'processUpload', input, timeoutMs,
  run: async ({ last, ...upload }, { uploads, signal }): Promise<UploadVerdict | { readonly status: 'unknown' }> => {
    const verdict = await uploads.inspecting.inspect(upload, signal);
    if (verdict.status !== 'unknown' || !last) return verdict;
    throw ApplicationFailure.create({ type: 'external_api', message: `The scanner cannot say anything of this upload: ${verdict.why}` });
  },
});
