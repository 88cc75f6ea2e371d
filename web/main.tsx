/** The console begins here. */
import { render } from 'preact';
import { LocationProvider } from 'preact-iso';
import { App } from './app.tsx';
import { applyPreferences } from './shell/preferences.ts';
import { findWho } from './shell/who.ts';

/** What the page itself answers: the API's own pages are left to the browser. */
const own = /^\/(?!api\/|docs|openapi|metrics|codec|o\/)/;

applyPreferences();
const place = document.getElementById('app');
if (place === null) throw new Error('The page has no place for the console.');
place.replaceChildren();
if (location.pathname !== '/sign-in') void findWho();
render(<LocationProvider scope={own}><App /></LocationProvider>, place);
