import { MessageRejected } from '../../domain/message.ts';

/** The code with which a message is rejected, or 'allowed'. Every other error goes through. */
export function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof MessageRejected) return error.code;
    throw error;
  }
  return 'allowed';
}
