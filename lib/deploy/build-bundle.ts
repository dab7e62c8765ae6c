import { type BuildFailure, type BuildOptions, type BuildResult, build, formatMessages } from 'esbuild';
import { DeploymentError } from './deployment-error.ts';

/** Contains the metafile. */
export type BundleResult = BuildResult<{ metafile: true }>;

/**
 * Builds a bundle.
 *
 * @throws {DeploymentError} if the build fails; the message contains the position and the source line of each error
 */
export async function buildBundle(options: BuildOptions & { metafile: true }): Promise<BundleResult> {
  try {
    return await build(options);
  } catch (error) {
    const { errors } = error as Partial<BuildFailure>;
    if (errors === undefined) throw error;
    const messages = errors.map((message) => ({ ...message, pluginName: '' }));
    const text = (await formatMessages(messages, { kind: 'error' })).join('').trim();
    throw new DeploymentError(`The functions could not be built.\n\n${text}`, { cause: error });
  }
}
