/** Calls `interrupt` before and after each operation on an object. */
export function interruptible<Target extends object>(
  target: Target,
  names: readonly (keyof Target)[],
  interrupt: () => void,
) {
  return new Proxy(target, {
    get(object, name) {
      const value = Reflect.get(object, name);
      if (typeof value !== 'function') return value;
      if (!names.includes(name as keyof Target)) return value.bind(object);
      return async (...parameters: unknown[]) => {
        interrupt();
        const result = await value.apply(object, parameters);
        interrupt();
        return result;
      };
    },
  });
}
