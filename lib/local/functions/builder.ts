import { type BuildOptions, type BuildResult, context, type Plugin } from 'esbuild';
import { linkPackages } from '../../build/installed-packages.ts';

export interface BuilderOptions {
  bundle: BuildOptions & { plugins: Plugin[] };
  /** Rebuilds when a source changes. */
  watch: boolean;
  /** Called after each build, whether or not it succeeded. */
  onEnd: (result: BuildResult) => Promise<void>;
}

/**
 * Builds bundles with the options of a deployment, and waits for the first build.
 *
 * @returns a function that stops watching
 */
export async function startBuilder({ bundle, watch, onEnd }: BuilderOptions) {
  const firstBuild = Promise.withResolvers<void>();
  const notify = async (result: BuildResult) => {
    try {
      const { absWorkingDir, outdir } = bundle;
      if (absWorkingDir && outdir && result.metafile) await linkPackages(absWorkingDir, outdir, result.metafile);
      await onEnd(result);
    } finally {
      firstBuild.resolve();
    }
  };
  const builder = await context({
    ...bundle,
    plugins: [...bundle.plugins, { name: 'on-end', setup: (build) => build.onEnd(notify) }],
  });
  // `onEnd` is also called after a failure.
  if (watch) await builder.watch();
  else await builder.rebuild().catch(() => {});
  await firstBuild.promise;
  return () => builder.dispose();
}
