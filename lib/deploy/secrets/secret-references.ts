import type { StoredSecret } from './secret-store.ts';
import { secretNames } from './secret-values.ts';

/**
 * Returns the values of the template's `!Ref Secret::…`: references to the secret, never its values.
 *
 * With a stored secret, they refer to its version, so that a changed secret changes the template, and only to existing
 * keys, because CloudFormation and ECS fail on missing ones. Without one (`serverless package` has no account), they refer
 * to the current version and all keys.
 *
 * - `Secret::FEISHU_…`, `Secret::OPENAI_API_KEY`: a dynamic reference that CloudFormation resolves
 * - `Secret::FEISHU_…::Arn`: the key's ARN for ECS
 * - `Secret::Arn`: the secret's ARN for policies
 *
 * @param name the secret's name
 * @param handlerSecrets the names in `extensions.yml`
 */
export function secretReferences(
  name: string,
  stored: StoredSecret | undefined,
  handlerSecrets: readonly string[],
): Record<string, unknown> {
  const version = stored?.versionId ?? '';
  const arn = stored?.arn ?? partialArn(name);
  const references: Record<string, unknown> = {
    // Secrets Manager appends a hyphen and six random characters to the name.
    'Secret::Arn': stored?.arn ?? partialArn(`${name}-??????`),
  };
  for (const key of secretNames({ webhook: true }, handlerSecrets)) {
    const exists = stored === undefined || Boolean(stored.values[key]);
    references[`Secret::${key}`] = exists ? dynamicReference(name, key, version) : undefined;
    references[`Secret::${key}::Arn`] = exists ? { 'Fn::Join': [':', [arn, key, '', version]] } : undefined;
  }
  return references;
}

function dynamicReference(name: string, key: string, version: string): string {
  return `{{resolve:secretsmanager:${name}:SecretString:${key}::${version}}}`;
}

function partialArn(name: string): unknown {
  return { 'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${name}` };
}
