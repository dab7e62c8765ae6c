import {
  GetFunctionCommand,
  type LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { KeyStore } from '../../app/key-rotation.ts';
import type { DeployedStack } from '../deployed-stack.ts';
import { readSecret, writeSecret } from './secret-store.ts';

export interface StageKeysOptions {
  secrets: SecretsManagerClient;
  lambda: LambdaClient;
  /** The secret's name in AWS Secrets Manager. */
  secretName: string;
  stack: DeployedStack;
  stage: string;
}

const UPDATED_WITHIN_SECONDS = 120;

/** Stores the keys in the stage's secret, and sets them in the functions that have them as environment variables. */
export function stageKeys({ secrets, lambda, secretName, stack, stage }: StageKeysOptions): KeyStore {
  const read = async () => (await readSecret(secrets, secretName))?.values ?? {};
  return {
    read,
    async write(values) {
      const before = await read();
      const after = Object.fromEntries(Object.entries({ ...before, ...values }).filter(([, value]) => value !== ''));
      if (JSON.stringify(after) !== JSON.stringify(before)) await writeSecret(secrets, secretName, after);
    },
    async activate(values) {
      for (const name of stack.physicalIdsOf('AWS::Lambda::Function')) await setVariables(lambda, name, values);
    },
    activationAdvice: `The new keys are in the secret: run npx serverless deploy --stage ${stage}, then this command again.`,
  };
}

/**
 * Changes variables that a function has. The next deployment sets the same values, because they are those of the secret.
 * Once the update has succeeded, Lambda runs new invocations only with the new values.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
 */
async function setVariables(
  lambda: LambdaClient,
  name: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: name }));
  const present = Configuration?.Environment?.Variables ?? {};
  const changed = Object.entries(values).filter(([key, value]) => key in present && present[key] !== value);
  if (changed.length === 0) return;
  await lambda.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName: name,
      // Rejected if another process changes the function meanwhile.
      RevisionId: Configuration?.RevisionId,
      Environment: { Variables: { ...present, ...Object.fromEntries(changed) } },
    }),
  );
  await waitUntilFunctionUpdatedV2(
    { client: lambda, minDelay: 1, maxWaitTime: UPDATED_WITHIN_SECONDS },
    { FunctionName: name },
  );
}
