import { isDebugging } from '../debugging.ts';
import { type BuilderOptions, startBuilder } from './builder.ts';

export interface LoaderOptions {
  /** Rebuilds and reloads when a source changes. */
  watch: boolean;
  /** Called with each warning, and each failed rebuild. */
  onNotice: (text: string) => void;
}

/**
 * Returns a function that builds a bundle and loads it, now and after each change, until the function that it returns is
 * called. A change that breaks several bundles is reported once.
 */
export function createBundleLoader({ watch, onNotice }: LoaderOptions) {
  const failures = new Set<string>();
  return (bundle: BuilderOptions['bundle'], load: () => void, onReloaded = () => {}) => {
    let isReload = false;
    let failure = '';
    return startBuilder({
      // Minifying would rename the variables that a debugger shows.
      bundle: { ...bundle, minify: !isDebugging() },
      watch,
      onBuilt() {
        failures.delete(failure);
        load();
        if (isReload) onReloaded();
        isReload = true;
      },
      onWarning: onNotice,
      onFailure(text) {
        failures.delete(failure);
        failure = text;
        if (failures.has(text)) return;
        failures.add(text);
        onNotice(`Build failed. The previous version of the functions keeps running:\n${text}`);
      },
    });
  };
}
