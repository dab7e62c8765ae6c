import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { distance } from 'fastest-levenshtein';

/** The path and the method of a request in the source of the official SDK. */
const REQUEST = /\$\{this\.domain\}(\/open-apis\/[^`]+)`, path\),\s*method: "([A-Z]+)"/g;
const MAXIMUM_SUGGESTIONS = 3;

let routes: string[] | undefined;

/**
 * Lists the APIs for which the official SDK has a method, read from its source: loading it would take longer and much
 * memory.
 *
 * @returns for example `GET /open-apis/im/v1/messages/:message_id`
 */
export function sdkRoutes(): string[] {
  if (routes !== undefined) return routes;
  const source = readFileSync(createRequire(import.meta.url).resolve('@larksuiteoapi/node-sdk'), 'utf8');
  const found = source.matchAll(REQUEST).map(([, path, method]) => `${method} ${path}`);
  routes = [...new Set(found)].toSorted();
  return routes;
}

/**
 * Lists the APIs of the official SDK that are most similar to a call which none has.
 *
 * @param call the method and the path
 */
export function similarRoutes(call: string): string[] {
  return sdkRoutes()
    .map((route) => ({ route, mistakes: distance(withoutParameters(route), withoutIds(call)) }))
    .toSorted((one, other) => one.mistakes - other.mistakes)
    .slice(0, MAXIMUM_SUGGESTIONS)
    .map(({ route }) => route);
}

function withoutParameters(route: string): string {
  return route.replaceAll(/:\w+/g, ':');
}

/** Ids contain digits; names of resources do not, except for the version of the API. */
function withoutIds(call: string): string {
  return call.slice(0, 500).replaceAll(/\/(?!v\d+\/)[^/]*\d[^/]*/g, '/:');
}
