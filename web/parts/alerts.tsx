/** What went wrong, where a person cannot miss it. */
import { useEffect, useRef } from 'preact/hooks';
import type { RequestProblem } from '../client/problem.ts';

/** What is wrong with a field, by the id of its control. */
export interface FieldError { readonly field: string; readonly message: string }

export function ProblemAlert(
  { problem, correlation = 'Correlation id' }: { readonly problem: RequestProblem; readonly correlation?: string },
) {
  const fixes = [...new Set(problem.mistakes.map(({ fix }) => fix))];
  return (
    <div role="alert" class="alert">
      <p>{problem.message}</p>
      {problem.mistakes.length === 0 ? null : (
        <ul>{problem.mistakes.map(({ pointer, message }) => <li key={`${pointer} ${message}`}>{message}</li>)}</ul>
      )}
      {fixes.map((fix) => <p key={fix}>{fix}</p>)}
      {problem.correlationId === null ? null : <p class="quiet">{correlation} <code>{problem.correlationId}</code></p>}
    </div>
  );
}

/** How the title of a page begins while a form on it has mistakes. */
const mark = 'Error: ';

/** Takes the focus each time there are other errors. */
export function ErrorSummary(
  { errors, title = 'There is a problem' }: { readonly errors: readonly FieldError[]; readonly title?: string },
) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => { box.current?.focus(); }, [errors]);
  useEffect(() => {
    document.title = `${mark}${document.title}`;
    return () => { document.title = document.title.replace(mark, ''); };
  }, []);
  return (
    <div role="alert" class="alert" tabIndex={-1} ref={box}>
      <h2>{title}</h2>
      <ul>
        {errors.map(({ field, message }) => (
          <li key={field}>
            <a
              href={`#${field}`}
              onClick={(event) => {
                event.preventDefault();
                document.getElementById(field)?.focus();
              }}
            >{message}</a>
          </li>
        ))}
      </ul>
    </div>
  );
}
