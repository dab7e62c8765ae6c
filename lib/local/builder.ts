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
  const firstBuild = Promise.withResolvers<string | undefined>();
  let isFirst = true;
  const onEnd = async (result: BuildResult) => {
    const failure = result.errors.length === 0 ? undefined : await describe(result);
    if (failure === undefined) onBuilt();
    else if (!isFirst) onFailure(failure);
    isFirst = false;
    firstBuild.resolve(failure);
  };
  const builder = await context({
    ...options,
    plugins: [...options.plugins, { name: 'on-end', setup: (build) => build.onEnd(onEnd) }],
  });
  // `onEnd` hears of a failure too.
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
