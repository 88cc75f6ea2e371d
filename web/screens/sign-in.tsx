/** Signing in with a token: the service makes a cookie of it that no script can read. */
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { useAct } from '../client/asking.ts';
import { RequestProblem } from '../client/problem.ts';
import { request } from '../client/request.ts';
import { ProblemAlert } from '../parts/alerts.tsx';
import { ActButton } from '../parts/buttons.tsx';
import { Page } from '../shell/page.tsx';
import { findWho } from '../shell/who.ts';

const wrongToken = 'This token is not valid.';

export function SignIn() {
  const { query, route } = useLocation();
  const [token, setToken] = useState('');
  const [isWrong, setWrong] = useState(false);
  const act = useAct(async () => {
    setWrong(false);
    try {
      await request('POST', '/console/session/', { body: { token: token.trim() } });
    } catch (error) {
      if (!(error instanceof RequestProblem) || (error.status !== 401 && error.status !== 400)) throw error;
      setWrong(true);
      return;
    }
    await findWho();
    route(inside(query['next']), true);
  });
  return (
    <Page title="Sign in">
      {isWrong ? <div role="alert" class="alert"><p id="token-error">{wrongToken}</p></div> : null}
      {act.problem === null ? null : <ProblemAlert problem={act.problem} />}
      {isSecureContext ? null : <InsecureNote />}
      <form
        class="card narrow" noValidate
        onSubmit={(event) => {
          event.preventDefault();
          act.run();
        }}
      >
        <div class={isWrong ? 'field wrong' : 'field'}>
          <label for="token">Access token</label>
          <p class="hint" id="token-hint">Whoever runs Gangway gives you one. It is kept until it ends, and no script can read it.</p>
          <input
            id="token" type="text" class="secret" value={token} autocomplete="off" spellcheck={false} autocapitalize="off"
            aria-describedby={isWrong ? 'token-hint token-error' : 'token-hint'} aria-invalid={isWrong ? true : undefined}
            onInput={(event) => { setToken(event.currentTarget.value); }}
          />
        </div>
        <div class="actions"><ActButton act={act} words={['Sign in', 'Signing in…']} type="submit" kind="main" /></div>
      </form>
    </Page>
  );
}

function InsecureNote() {
  return (
    <p class="note">
      This address is not secure, so the browser will not keep the sign-in. Open Gangway by https, or on its own machine by the
      name localhost or 127.0.0.1.
    </p>
  );
}

/** Where to go on: an address of this page alone. */
function inside(next: string | undefined): string {
  if (next === undefined || !URL.canParse(next, location.origin)) return '/';
  const url = new URL(next, location.origin);
  return url.origin === location.origin && next.startsWith('/') && url.pathname !== '/sign-in' ? `${url.pathname}${url.search}` : '/';
}
