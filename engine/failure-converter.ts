/**
 * Failures without readable words: message and stack travel as a payload, which the codec encrypts. A file of its own,
 * since the SDK loads it by path, in the worker and in the workflow bundle. Only `type` stays readable: that of an ApplicationFailure
 * and, so that a failing workflow task says what fails, the class of any other error.
 */
import { DefaultFailureConverter, TemporalFailure, type ProtoFailure } from '@temporalio/common';

class SealedFailureConverter extends DefaultFailureConverter {
  override errorToFailure(...[error, ...more]: Parameters<DefaultFailureConverter['errorToFailure']>): ProtoFailure {
    const failure = super.errorToFailure(error, ...more);
    if (error instanceof TemporalFailure || failure.applicationFailureInfo != null) return failure;
    return { ...failure, applicationFailureInfo: { type: classOf(error) } };
  }
}

/**
 * Of a promise that nobody waited for the SDK's own error stands around it. By names: what was thrown in the sandbox is no Error out
 * here.
 */
function classOf(error: unknown): string {
  const name = nameOf(error);
  return name === 'UnhandledRejectionError' ? nameOf((error as { cause?: unknown }).cause) : name;
}

function nameOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error && typeof error.name === 'string' ? error.name : typeof error;
}

export const failureConverter = new SealedFailureConverter({ encodeCommonAttributes: true });
