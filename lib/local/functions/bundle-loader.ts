import { isDebugging } from '../debugging.ts';
import type { BuildReport } from './build-report.ts';
import { type BuilderOptions, startBuilder } from './builder.ts';

export interface LoaderOptions {
  /** Rebuilds and reloads when a source changes. */
  watch: boolean;
  report: BuildReport;
}

/**
 * Returns a function that builds a bundle and loads it, now and after each change, until the function that it returns is
 * called.
 *
 * Without `watch`, the function throws the errors of the build. With it, the bundle is loaded once it can be built.
 */
export function createBundleLoader({ watch, report }: LoaderOptions) {
  return async (bundle: BuilderOptions['bundle'], load: () => void, onReloaded = () => {}) => {
    let isFirst = true;
    let failure: string | undefined;
    const stop = await startBuilder({
      // Minifying would rename the variables that a debugger shows.
      bundle: { ...bundle, minify: !isDebugging() },
      watch,
      async onEnd(result) {
        const hasFailed = result.errors.length > 0;
        if (!hasFailed) {
          load();
          if (!isFirst) onReloaded();
        }
        isFirst = false;
        if (hasFailed && !watch) failure = await report.format(result.errors);
        else await report.add(bundle, result);
      },
    });
    if (failure === undefined) return stop;
    await stop();
    throw new Error(failure);
  };
}
