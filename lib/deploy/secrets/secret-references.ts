import type { StoredSecret } from './secret-store.ts';
import { type SecretName, secretNames } from './secret-values.ts';

/**
 * What the template's `!Ref Secret::…` stand for: places to read the secret's values from, never the values.
 *
 * With a stored secret they name its version, so that a changed secret is a changed template, and only the keys it has:
 * CloudFormation and ECS fail on others. Without one, when nothing is known of the account, they name the current version
 * and every key.
 *
 * - `Secret::FEISHU_…`: the value, for CloudFormation to put in
 * - `Secret::FEISHU_…::Arn`: where ECS finds the value
 * - `Secret::Arn`: the secret, for policies
 *
 * @param name of the secret
 */
export function secretReferences(name: string, stored: StoredSecret | undefined): Record<string, unknown> {
  const version = stored?.versionId ?? '';
  const arn = stored?.arn ?? partialArn(name);
  const references: Record<string, unknown> = {
    // Secrets Manager adds a hyphen and six characters of its own to the name.
    'Secret::Arn': stored?.arn ?? partialArn(`${name}-??????`),
  };
  for (const key of secretNames({ webhook: true })) {
    const isThere = stored === undefined || Boolean(stored.values[key]);
    references[`Secret::${key}`] = isThere ? dynamicReference(name, key, version) : undefined;
    references[`Secret::${key}::Arn`] = isThere ? { 'Fn::Join': [':', [arn, key, '', version]] } : undefined;
  }
  return references;
}

function dynamicReference(name: string, key: SecretName, version: string): string {
  return `{{resolve:secretsmanager:${name}:SecretString:${key}::${version}}}`;
}

function partialArn(name: string): unknown {
  return { 'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${name}` };
}
