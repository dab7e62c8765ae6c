import { CloudFormationClient } from '@aws-sdk/client-cloudformation';

/** The variables that a function in `serverless.yml` receives from the framework. */
interface VariableContext {
  options: Readonly<Record<string, string | null | undefined>>;
  resolveConfigurationProperty(path: string[]): Promise<unknown>;
}

/**
 * Returns the region like the AWS CLI: `--region`, then `AWS_REGION`, `AWS_DEFAULT_REGION`, and the region of the profile
 * whose credentials the framework uses.
 */
export async function resolveRegion({ options, resolveConfigurationProperty }: VariableContext): Promise<string> {
  const region = options.region || process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION;
  if (region) return region;
  const stage = String((await resolveConfigurationProperty(['provider', 'stage'])) ?? 'dev');
  const profile =
    options['aws-profile'] ||
    process.env[`AWS_${stage.toUpperCase()}_PROFILE`] ||
    process.env.AWS_PROFILE ||
    (await resolveConfigurationProperty(['provider', 'profile'])) ||
    process.env.AWS_DEFAULT_PROFILE;
  const client = new CloudFormationClient(profile ? { profile: String(profile) } : {});
  // Without a region, as in `serverless package` on a machine without a profile.
  return client.config.region().catch(() => 'us-east-1');
}
