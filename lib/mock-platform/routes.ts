/** An API that a call matches, with the parameters of its path. */
export interface Match<Value> {
  value: Value;
  parameters: Record<string, string>;
}

interface Route<Value> {
  value: Value;
  method: string;
  segments: string[];
}

/** Finds values by the method and the path of a call. A path without parameters takes precedence. */
export class Routes<Value> {
  readonly #routes: Route<Value>[];

  /** @param values by route, for example `GET /open-apis/im/v1/messages/:message_id` */
  constructor(values: readonly (readonly [route: string, value: Value])[]) {
    this.#routes = values
      .map(([route, value]) => {
        const [method = '', path = ''] = route.split(' ');
        return { value, method, segments: path.split('/') };
      })
      .toSorted((one, other) => countParameters(one) - countParameters(other));
  }

  find(method: string, path: string): Match<Value> | undefined {
    const segments = path.split('/');
    for (const route of this.#routes) {
      if (route.method !== method || route.segments.length !== segments.length) continue;
      const parameters: Record<string, string> = {};
      const matches = route.segments.every((segment, index) => {
        const actual = segments[index] ?? '';
        if (!segment.startsWith(':')) return segment === actual;
        parameters[segment.slice(1)] = decode(actual);
        return actual !== '';
      });
      if (matches) return { value: route.value, parameters };
    }
    return undefined;
  }
}

function countParameters({ segments }: Route<unknown>): number {
  return segments.filter((segment) => segment.startsWith(':')).length;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
