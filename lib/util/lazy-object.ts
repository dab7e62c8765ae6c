type Method = (...parameters: unknown[]) => unknown;

/**
 * Creates an object that behaves as another one, which is made when something of it is first used: also for `in`,
 * `instanceof`, `Object.keys`, spreading and assignments. Methods of the class are bound, each to the same function every
 * time, so that they reach `#private` members however they are called.
 *
 * @param make is called again at the next use if it throws
 */
export function createLazyObject<Type extends object>(make: () => Type): Type {
  let made: Type | undefined;
  const real = (): Type => (made ??= make());
  const boundMethods = new WeakMap<Method, Method>();

  return new Proxy({} as Type, {
    get(_, name) {
      const value: unknown = Reflect.get(real(), name);
      if (typeof value !== 'function' || name === 'constructor') return value;
      // A function that is a property has members of its own, as an HTTP client has.
      if (Object.hasOwn(real(), name)) return value;
      const method = value as Method;
      const bound = boundMethods.get(method) ?? method.bind(real());
      boundMethods.set(method, bound);
      return bound;
    },
    set: (_, name, value) => Reflect.set(real(), name, value),
    has: (_, name) => Reflect.has(real(), name),
    deleteProperty: (_, name) => Reflect.deleteProperty(real(), name),
    defineProperty: (_, name, descriptor) => Reflect.defineProperty(real(), name, descriptor),
    getOwnPropertyDescriptor: (_, name) => Reflect.getOwnPropertyDescriptor(real(), name),
    ownKeys: () => Reflect.ownKeys(real()),
    getPrototypeOf: () => Reflect.getPrototypeOf(real()),
    // A Proxy whose target is frozen may not report properties that the target lacks.
    preventExtensions: () => false,
  });
}
