import { isHandler } from './mock-package.ts';

/** A handler that was created while the modules loaded, exported or not. */
export interface CreatedHandler {
  /** The module that called `onEvent` or a similar function. */
  file: string;
  kind: string;
  type: string;
}

export const createdHandlers: CreatedHandler[] = [];

/**
 * Wraps `onEvent` and similar functions for one importing module, to record the handlers that it creates.
 *
 * @public imported by the bundle that load-handlers.ts generates
 */
export function recordCreatedHandlers(file: string, functions: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(functions).map(([name, value]) => [name, name.startsWith('on') ? wrap(file, value) : value]),
  );
}

function wrap(file: string, create: (...parameters: unknown[]) => unknown) {
  return (...parameters: unknown[]) => {
    const handler = create(...parameters);
    if (isHandler(handler) && typeof handler.type === 'string') {
      createdHandlers.push({ file, kind: handler.kind, type: handler.type });
    }
    return handler;
  };
}
