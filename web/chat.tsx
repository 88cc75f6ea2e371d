/** The chat begins here: a person's page, without the console. */
import { render } from 'preact';
import { ChatPage } from './chat/page.tsx';
import { applyTheme } from './shell/preferences.ts';

applyTheme();
const place = document.getElementById('app');
if (place === null) throw new Error('The page has no place for the chat.');
place.replaceChildren();
render(<ChatPage />, place);
