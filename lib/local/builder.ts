import { type BuildResult, build, context, formatMessages } from 'esbuild';
import { lambdaBundle, platformSdkBundle } from '../deploy/bundle.ts';

export interface BuilderOptions {
  /** The project's folder. */
  root: string;
  outdir: string;
  /** Builds again when a source changes. */
  watch: boolean;
  /** Called after each build that succeeds. */
  onBuilt: () => void;
  /** Takes what is wrong with a later build; the functions stay as they are. */
  onFailure: (text: string) => void;
}

/**
 * Builds the functions' bundles, those that are deployed.
 *
 * @returns a function that ends the watching
 * @throws when the first build fails; the message names the files
 */
export async function startBuilder({ root, outdir, watch, onBuilt, onFailure }: BuilderOptions) {
  await build(platformSdkBundle(root, outdir));
  const options = lambdaBundle(root, outdir);
  const firstBuild = Promise.withResolvers<void>();
  let isFirst = true;
  const onEnd = async (result: BuildResult) => {
    const text = result.errors.length === 0 ? undefined : await describe(result);
    if (text === undefined) onBuilt();
    else if (!isFirst) onFailure(text);
    if (isFirst && text !== undefined) firstBuild.reject(new Error(text));
    isFirst = false;
    firstBuild.resolve();
  };
  const builder = await context({
    ...options,
    plugins: [...options.plugins, { name: 'on-end', setup: (build) => build.onEnd(onEnd) }],
  });
  // A failed build is reported by `onEnd`.
  if (watch) await builder.watch();
  else await builder.rebuild().catch(() => {});
  try {
    await firstBuild.promise;
  } catch (error) {
    await builder.dispose();
    throw error;
  }
  return () => builder.dispose();
}

async function describe({ errors }: BuildResult): Promise<string> {
  return (await formatMessages(errors, { kind: 'error' })).join('').trim();
}
