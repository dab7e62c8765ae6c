import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';

/** Imports modules by name. As in a bundle, an unknown name throws synchronously. */
export function modulesOf(modules: Record<string, unknown>): ImportModule {
  return (name) => {
    if (!Object.hasOwn(modules, name)) throw new Error(`Module not found in bundle: ${name}`);
    return Promise.resolve({ default: modules[name] });
  };
}
