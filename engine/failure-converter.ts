/**
 * Failures without readable words: message and stack travel as a payload, which the codec encrypts. A file of its own,
 * since the SDK loads it by path, in the worker and in the workflow bundle. Only `type` stays readable.
 */
import { DefaultFailureConverter } from '@temporalio/common';

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
