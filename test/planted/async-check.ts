import type { Handler } from '../../workflows/handlers.ts';

// an asynchronous check rejects nothing: it must not compile
export const planted: Handler<string, string> = { check: async () => undefined, handle: () => 'done' };
