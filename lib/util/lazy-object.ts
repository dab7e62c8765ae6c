type Method = (...parameters: unknown[]) => unknown;

/**
 * Creates a proxy for an object that is created on first use. Supports `in`, `instanceof`, `Object.keys`, spreading and
 * assignments. Methods of the class are bound once each, so that they reach `#private` members however they are called.
 *
 * @param create called again on the next use if it throws
 */
export function createLazyObject<Type extends object>(create: () => Type): Type {
  let created: Type | undefined;
  const instance = (): Type => (created ??= create());
  const boundMethods = new WeakMap<Method, Method>();

  return new Proxy({} as Type, {
    get(_, name) {
      const value: unknown = Reflect.get(instance(), name);
      if (typeof value !== 'function' || name === 'constructor') return value;
      // A function in an own property may have members, for example an HTTP client.
      if (Object.hasOwn(instance(), name)) return value;
      const method = value as Method;
      const bound = boundMethods.get(method) ?? method.bind(instance());
      boundMethods.set(method, bound);
      return bound;
    },
    set: (_, name, value) => Reflect.set(instance(), name, value),
    has: (_, name) => Reflect.has(instance(), name),
    deleteProperty: (_, name) => Reflect.deleteProperty(instance(), name),
    defineProperty: (_, name, descriptor) => Reflect.defineProperty(instance(), name, descriptor),
    getOwnPropertyDescriptor: (_, name) => Reflect.getOwnPropertyDescriptor(instance(), name),
    ownKeys: () => Reflect.ownKeys(instance()),
    getPrototypeOf: () => Reflect.getPrototypeOf(instance()),
    // The proxy of a frozen target must not report properties that the target lacks.
    preventExtensions: () => false,
  });
}
