/** What screens ask the service, and what they do to it. */
import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import { QueryClient, QueryObserver, type QueryKey } from '@tanstack/query-core';
import { problemOf, RequestProblem } from './problem.ts';

export const questions = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: 'always', staleTime: 0, gcTime: 60_000,
      retry: (failures, error) => failures < 2 && error instanceof RequestProblem && error.isUnknown && error.code !== 'page',
      retryDelay: (failures) => 300 * 2 ** failures,
    },
  },
});
questions.mount();

export interface Asked<Data> {
  readonly data: Data | undefined;
  readonly problem: RequestProblem | null;
  /** For the first time. */
  readonly isLoading: boolean;
  readonly again: () => void;
}

interface Asking<Data> {
  readonly key: QueryKey;
  readonly ask: (signal: AbortSignal) => Promise<Data>;
  /** While the page is seen, by what is known. 0: not by itself. */
  readonly everyMs?: number | ((known: Data | undefined) => number);
}

export function useAsked<Data>({ key, ask, everyMs = 0 }: Asking<Data>): Asked<Data> {
  const options = {
    queryKey: key, queryFn: ({ signal }: { readonly signal: AbortSignal }) => ask(signal),
    refetchInterval: ({ state }: { readonly state: { readonly data: Data | undefined } }) => (
      (typeof everyMs === 'number' ? everyMs : everyMs(state.data)) || false
    ),
  } as const;
  const observer = useMemo(() => new QueryObserver<Data>(questions, options), []);
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  useEffect(() => observer.subscribe(() => { redraw(undefined); }), [observer]);
  useEffect(() => { observer.setOptions(options); });
  const result = observer.getOptimisticResult(questions.defaultQueryOptions(options));
  return {
    data: result.data, problem: result.error === null ? null : problemOf(result.error), isLoading: result.isPending,
    again: () => { void observer.refetch(); },
  };
}

export interface Act {
  readonly isUnderWay: boolean;
  readonly problem: RequestProblem | null;
  /** A second call while the first is under way does nothing. */
  readonly run: () => void;
  readonly forget: () => void;
}

/**
 * An act of a person. `work` gets a key that stays the same until what became of it is known, so that two clicks, or one more after a
 * lost answer, are one act. After it everything that is shown is asked again, unless it only looked.
 */
export function useAct(work: (key: string) => Promise<void>, { isLookingOnly = false }: { readonly isLookingOnly?: boolean } = {}): Act {
  const [problem, setProblem] = useState<RequestProblem | null>(null);
  const [isUnderWay, setUnderWay] = useState(false);
  const busy = useRef(false);
  const key = useRef(crypto.randomUUID());
  const begin = async (): Promise<void> => {
    if (busy.current) return;
    busy.current = true;
    setUnderWay(true);
    setProblem(null);
    try {
      await work(key.current);
      key.current = crypto.randomUUID();
      if (!isLookingOnly) await questions.invalidateQueries();
    } catch (error) {
      const found = problemOf(error);
      if (!found.isUnknown) key.current = crypto.randomUUID();
      setProblem(found);
    } finally {
      busy.current = false;
      setUnderWay(false);
    }
  };
  return { isUnderWay, problem, run: () => { void begin(); }, forget: () => { setProblem(null); } };
}
