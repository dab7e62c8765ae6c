import { isDebugging } from '../debugging.ts';
import type { BuildReport } from './build-report.ts';
import { type BuilderOptions, startBuilder } from './builder.ts';
import type { SourceChanges } from './source-changes.ts';

export interface LoaderOptions {
  /** Rebuilds and reloads when a source changes. */
  watch: boolean;
  report: BuildReport;
  changes: SourceChanges;
  /** Called after each build. */
  onBuild?: (() => void) | undefined;
  onNotice: (text: string) => void;
}

/** A change of branch can affect hundreds. */
const MAXIMUM_NAMES = 3;

/**
 * Returns a function that builds a bundle and loads it, now and after each change, until the function that it returns is
 * called.
 *
 * Without `watch`, the function throws the errors of the build. With it, the bundle is loaded once it can be built.
 */
export function createBundleLoader({ watch, report, changes, onBuild, onNotice }: LoaderOptions) {
  return async (bundle: BuilderOptions['bundle'], load: () => void) => {
    let failure: string | undefined;
    const stop = await startBuilder({
      // Minifying would rename the variables that a debugger shows.
      bundle: { ...bundle, minify: !isDebugging() },
      watch,
      async onEnd(result) {
        onBuild?.();
        const hasFailed = result.errors.length > 0;
        if (!hasFailed) {
          load();
          const names = await changes.take(bundle, result.metafile);
          if (names.length > 0) onNotice(describeReload(names));
        }
        if (hasFailed && !watch) failure = await report.format(result.errors);
        else await report.add(bundle, result);
      },
    });
    if (failure === undefined) return stop;
    await stop();
    throw new Error(failure);
  };
}

function describeReload(names: string[]): string {
  const more = names.length - MAXIMUM_NAMES;
  const shown = names.slice(0, MAXIMUM_NAMES).join(', ');
  return `Sources changed: functions reloaded (${shown}${more > 0 ? ` and ${more} more` : ''}).`;
}
