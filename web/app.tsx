/** Which screen an address is, for whom. */
import { useEffect } from 'preact/hooks';
import { useLocation, Route, Router } from 'preact-iso';
import { questions } from './client/asking.ts';
import { whenSignedOut } from './client/request.ts';
import { Approvals } from './screens/approvals.tsx';
import { ChangesetScreen } from './screens/changeset.tsx';
import { DeadLetter } from './screens/dead-letter.tsx';
import { DeadLetters } from './screens/dead-letters.tsx';
import { Decide } from './screens/decide.tsx';
import { Nothing } from './screens/nothing.tsx';
import { RedriveScreen } from './screens/redrive.tsx';
import { SessionScreen } from './screens/session.tsx';
import { Sessions } from './screens/sessions.tsx';
import { SignIn } from './screens/sign-in.tsx';
import { mayOpen, menuOf } from './shell/menu.ts';
import { Barred, NotFound, Page } from './shell/page.tsx';
import { Shell } from './shell/shell.tsx';
import { findWho, who, whoProblem } from './shell/who.ts';

export function App() {
  const { path, url, route } = useLocation();
  const person = who.value;
  useEffect(() => {
    whenSignedOut(() => {
      questions.clear();
      who.value = null;
    });
  }, []);
  const isLeftOut = person === null && path !== '/sign-in';
  useEffect(() => {
    if (isLeftOut) route(`/sign-in?next=${encodeURIComponent(url)}`, true);
  }, [isLeftOut, url]);
  const first = person == null ? undefined : menuOf(person)[0];
  useEffect(() => {
    if (path === '/' && first !== undefined) route(first.path, true);
  }, [path, first?.path]);

  if (path === '/sign-in') return <Shell person={null}><SignIn /></Shell>;
  if (whoProblem.value !== null) {
    return (
      <Shell person={null}>
        <Page title="Gangway" problem={whoProblem.value}>
          <p><button type="button" onClick={() => { void findWho(); }}>Try again</button></p>
        </Page>
      </Shell>
    );
  }
  if (person == null || (path === '/' && first !== undefined)) return <Shell person={null}><Page title="Gangway" busy isPassing /></Shell>;
  return <Shell person={person}>{path === '/' ? <Nothing /> : mayOpen(person, path) ? <Screens /> : <Barred />}</Shell>;
}

function Screens() {
  return (
    <Router>
      <Route path="/sessions" component={Sessions} />
      <Route path="/sessions/:id" component={SessionScreen} />
      <Route path="/approvals" component={Approvals} />
      <Route path="/approvals/:id" component={Decide} />
      <Route path="/changesets/:id" component={ChangesetScreen} />
      <Route path="/dead-letters" component={DeadLetters} />
      <Route path="/dead-letters/:id" component={DeadLetter} />
      <Route path="/redrives/:id" component={RedriveScreen} />
      <Route default component={NotFound} />
    </Router>
  );
}
