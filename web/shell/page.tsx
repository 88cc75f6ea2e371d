/** A page: its one heading, its one alert, and whether its first data is there. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Asked } from '../client/asking.ts';
import type { RequestProblem } from '../client/problem.ts';
import { ErrorSummary, ProblemAlert, type FieldError } from '../parts/alerts.tsx';

interface PageProps {
  readonly title: string;
  readonly busy?: boolean;
  readonly problem?: RequestProblem | null;
  readonly errors?: readonly FieldError[];
  /** Beside the heading. */
  readonly actions?: ComponentChildren;
  /** Between heading and content, and there while the content is on its way. */
  readonly above?: ComponentChildren;
  /** On the way to another page: nobody has been here. */
  readonly isPassing?: boolean;
  /** Above it, where one came from. */
  readonly trail?: ComponentChildren;
  readonly children?: ComponentChildren;
}

/** Where a person is, so that whoever goes on to another place begins at its heading. */
let shown: string | null = null;

export function Page({ title, busy = false, problem = null, errors = [], actions, isPassing = false, trail, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => { document.title = `${title} - Gangway`; }, [title]);
  useEffect(() => {
    if (isPassing) return;
    const here = location.pathname;
    if (shown !== null && shown !== here) heading.current?.focus();
    shown = here;
  }, []);
  return (
    <main id="main" tabIndex={-1} aria-busy={busy}>
      {trail === undefined ? null : <p class="trail">{trail}</p>}
      <div class="heading">
        <h1 ref={heading} tabIndex={-1}>{title}</h1>
        {actions === undefined ? null : <div class="actions">{actions}</div>}
      </div>
      {errors.length > 0 ? <ErrorSummary errors={errors} /> : problem === null ? null : <ProblemAlert problem={problem} />}
      {children}
    </main>
  );
}

/** A page of something that was asked for: missing, failing, on its way, or there. */
export function AskedPage<Data>(
  { asked, title, above, children, ...rest }: Omit<PageProps, 'children' | 'busy'> & {
    readonly asked: Asked<Data>;
    readonly children: (data: Data) => ComponentChildren;
  },
) {
  const { data, problem, isLoading, again } = asked;
  if (problem?.status === 404) return <NotFound />;
  if (problem?.status === 403) return <Barred />;
  if (data === undefined) {
    return (
      <Page title={title} busy={isLoading} problem={problem}>
        {above}
        {problem === null ? <Waiting /> : <p><button type="button" onClick={again}>Try again</button></p>}
      </Page>
    );
  }
  return <Page title={title} {...rest} problem={rest.problem ?? problem}>{above}{children(data)}</Page>;
}

/** Drawn where the content will be, so that nothing jumps. */
export function Waiting() {
  return <div class="waiting" aria-hidden="true"><span /><span /><span /><span /></div>;
}

export function NotFound() {
  return (
    <Page title="Not found">
      <p class="lead">There is nothing at this address, or nothing that you may see. Check the address, or begin at the menu.</p>
    </Page>
  );
}

export function Barred() {
  return (
    <Page title="You cannot open this page">
      <p class="lead">It is for other roles than yours. If you need it, ask whoever gave you your access.</p>
    </Page>
  );
}
