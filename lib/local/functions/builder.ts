import { type BuildOptions, type BuildResult, context, formatMessages, type Plugin } from 'esbuild';
import { handlerWarnings } from '../../build/check-handlers.ts';
import { linkPackages } from '../../build/installed-packages.ts';

export interface BuilderOptions {
  bundle: BuildOptions & { plugins: Plugin[] };
  /** Rebuilds when a source changes. */
  watch: boolean;
  /** Called after each successful build. */
  onBuilt: () => void;
  /** Called with each warning about a handler that could not be checked. */
  onWarning: (text: string) => void;
  /** Called with the errors of a failed rebuild. */
  onFailure: (text: string) => void;
}

/**
 * Builds bundles with the options of a deployment.
 *
 * @returns a function that stops watching
 * @throws if the first build fails; the message names the files
 */
export async function startBuilder({ bundle, watch, onBuilt, onWarning, onFailure }: BuilderOptions) {
  const firstBuild = Promise.withResolvers<string | undefined>();
  let isFirst = true;
  const onEnd = async (result: BuildResult) => {
    const failure = result.errors.length === 0 ? undefined : await describe(result);
    if (failure === undefined) {
      for (const { text } of handlerWarnings(result.warnings)) onWarning(text);
      const { absWorkingDir, outdir } = bundle;
      if (absWorkingDir && outdir && result.metafile) await linkPackages(absWorkingDir, outdir, result.metafile);
      onBuilt();
    } else if (!isFirst) {
      onFailure(failure);
    }
    isFirst = false;
    firstBuild.resolve(failure);
  };
  const builder = await context({
    ...bundle,
    plugins: [...bundle.plugins, { name: 'on-end', setup: (build) => build.onEnd(onEnd) }],
  });
  // `onEnd` is also called after a failure.
  if (watch) await builder.watch();
  else await builder.rebuild().catch(() => {});
  const failure = await firstBuild.promise;
  if (failure === undefined) return () => builder.dispose();
  await builder.dispose();
  throw new Error(failure);
}

async function describe({ errors }: BuildResult): Promise<string> {
  return (await formatMessages(errors, { kind: 'error' })).join('').trim();
}
