/**
 * Replaces packages, and everything in them, while handler modules are checked. It can be called, constructed, extended,
 * iterated and awaited, and each of its properties is the mock again: `await new Client().connect()` at the top level of a
 * module has no effect and needs no settings.
 *
 * A function of a package that is called with a handler is assumed to wrap it, and returns that handler.
 */
export const mockPackage: object = new Proxy(nothing, {
  get(_target, name) {
    if (name === Symbol.toPrimitive) return () => '';
    if (name === Symbol.iterator || name === Symbol.asyncIterator) return noItems;
    // An object with a `then` would be awaited as a promise.
    return typeof name === 'symbol' || name === 'then' ? undefined : mockPackage;
  },
  set: () => true,
  apply: (_target, _this, parameters) => parameters.find(isHandler) ?? mockPackage,
  construct: (_target, _parameters, { prototype }) =>
    // An instance of a class that extends the mock keeps its own methods.
    prototype === mockPackage ? mockPackage : Object.create(prototype),
});

/** Replaces a package as a whole. The bundled code looks for the names that it imports along the prototypes. */
export const mockModule: object = new Proxy(mockPackage, { getPrototypeOf: () => mockPackage });

/** @returns whether `onEvent` or one of its siblings returned it */
export function isHandler(value: unknown): value is { kind: string; type: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, handle } = value as Record<string, unknown>;
  return typeof kind === 'string' && typeof handle === 'function';
}

/** A proxy of an arrow function could not be constructed. */
function nothing() {}

function* noItems() {}
