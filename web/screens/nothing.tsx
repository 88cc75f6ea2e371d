/** For whom the console has nothing: people who are onboarded have a page of their own. */
import { useAsked } from '../client/asking.ts';
import type { Flow, Listed } from '../client/contract.ts';
import { get } from '../client/request.ts';
import { Page } from '../shell/page.tsx';

export function Nothing() {
  const asked = useAsked<Listed<Flow>>({ key: ['flows'], ask: (signal) => get('/flows/', signal) });
  const flows = asked.data?.results ?? [];
  return (
    <Page title="You cannot open this page" busy={asked.isLoading}>
      <p class="lead">The console is for other roles than yours. If you need it, ask whoever gave you your access.</p>
      {flows.length === 0 ? null : (
        <section>
          <h2 id="onboardings">What you can do is here</h2>
          <ul aria-labelledby="onboardings">
            {flows.map(({ id, title }) => <li key={id}><a href={`/o/${encodeURIComponent(id)}`}>{title}</a></li>)}
          </ul>
        </section>
      )}
    </Page>
  );
}
