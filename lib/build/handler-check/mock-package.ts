/**
 * Mocks packages and everything in them while handler modules are checked. The mock can be called, constructed, extended,
 * iterated and awaited, and each property returns it again: `await new Client().connect()` at the top level of a module
 * has no effect and needs no settings.
 *
 * If it is called with a handler, it is assumed to wrap the handler and returns it.
 */
export const mockPackage: object = new Proxy(nothing, {
  get(_target, name) {
    if (name === Symbol.toPrimitive) return () => '';
    if (name === Symbol.iterator || name === Symbol.asyncIterator) return noItems;
    // With `then`, the mock would be awaited as a promise.
    return typeof name === 'symbol' || name === 'then' ? undefined : mockPackage;
  },
  set: () => true,
  apply: (_target, _this, parameters) => parameters.find(isHandler) ?? mockPackage,
  construct: (_target, _parameters, { prototype }) =>
    // Instances of a class that extends the mock keep their own methods.
    prototype === mockPackage ? mockPackage : Object.create(prototype),
});

/** Mocks a package's module. Bundled code looks up imported names along the prototype chain. */
export const mockModule: object = new Proxy(mockPackage, { getPrototypeOf: () => mockPackage });

/** Whether `onEvent` or a similar function created the value. */
export function isHandler(value: unknown): value is { kind: string; type: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, handle } = value as Record<string, unknown>;
  return typeof kind === 'string' && typeof handle === 'function';
}

/** Not an arrow function, because a proxy of one cannot be constructed. */
function nothing() {}

function* noItems() {}
