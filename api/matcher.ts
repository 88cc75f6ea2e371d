/** Routes by path, as it is spelt; a trailing slash is optional. @koa/router's layers do the matching. */
import Router from '@koa/router';
import type { Route } from './route.ts';

export type Match =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Record<string, string> }
  | { readonly kind: 'other_method'; readonly allowed: readonly string[] }
  | { readonly kind: 'none' };

export function matcher(routes: readonly Route[]): (method: string, path: string) => Match {
  const router = new Router({ sensitive: true });
  const byLayer = new Map<object, Route>();
  for (const route of routes) {
    const layer = router.register(route.path, [route.method.toUpperCase()], () => undefined);
    byLayer.set(layer, route);
  }
  return (method, path) => {
    const matched = router.match(path, method);
    const layer = matched.pathAndMethod[0];
    const route = layer === undefined ? undefined : byLayer.get(layer);
    if (layer !== undefined && route !== undefined) {
      return { kind: 'found', route, params: canonical(layer.params(path, layer.captures(path))) };
    }
    const allowed = [...new Set(matched.path.flatMap((item) => item.methods))].filter((name) => name !== 'HEAD');
    return allowed.length === 0 ? { kind: 'none' } : { kind: 'other_method', allowed };
  };
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A UUID is the same in capitals (RFC 9562). What is sealed, looked up or noted under it has one form, so it gets that here. */
function canonical(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, uuid.test(value) ? value.toLowerCase() : value]));
}
