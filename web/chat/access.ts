/** How a person gets in: by a token or the secret of a resume link behind `#`, which no server ever sees. */
import { request, requester, type Request } from '../client/request.ts';

export type Brought = { readonly token: string } | { readonly secret: string } | null;

/** What the address brought. It is gone from the address before anything else happens. */
export function takeBrought(): Brought {
  const { hash, pathname, search } = location;
  if (hash === '') return null;
  history.replaceState(null, '', `${pathname}${search}`);
  if (hash.startsWith('#t=')) return { token: hash.slice(3) };
  return hash.startsWith('#r=') ? { secret: hash.slice(3) } : null;
}

/** Of this tab alone, and gone with it: a reload goes on, and nobody who comes after finds it. */
export interface Access {
  /** null: whoever is signed in to the console, by its cookie. */
  readonly token: string | null;
  /** null: not known yet. */
  readonly sessionId: string | null;
  readonly flow: string;
}

const name = 'gangway.chat';

export function keptAccess(): Access | null {
  const text = kept(name);
  return text === null ? null : JSON.parse(text) as Access;
}

export function keepAccess(access: Access): void {
  keep(name, JSON.stringify(access));
}

export function kept(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;        // a browser that keeps nothing
  }
}

export function keep(key: string, text: string): void {
  try {
    sessionStorage.setItem(key, text);
  } catch {
    // it is there until the page is left
  }
}

/** The flow that the address names; '' at that of resume links. */
export function flowOfAddress(): string {
  return decodeURIComponent(location.pathname.split('/')[2] ?? '');
}

/** Requests of the person. Beside a token the console's cookie does not go along: who signed in there may be somebody else. */
export function requestsOf({ token }: Pick<Access, 'token'>): Request {
  return token === null ? request : requester('omit', () => ({ Authorization: `Bearer ${token}` }));
}

export const anonymous: Request = requester('omit', () => ({}));
