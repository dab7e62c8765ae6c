import { applyPlan, checkApp, compareApp, printPlan } from '../app/app-command.ts';
import type { StatusItem } from '../app/app-status.ts';
import { KeyRotation, type KeyStore } from '../app/key-rotation.ts';
import type { Target } from '../app/plan.ts';
import { PlatformApp } from '../app/platform-app.ts';
import { PLATFORMS } from '../app/platforms.ts';
import { deriveRequirements } from '../app/requirements.ts';
import { unpublishedChangesOf } from '../app/unpublished-changes.ts';
import { type Environment, readAppCredentials } from '../config.ts';
import { confirm } from './confirm.ts';
import { deployedParameter } from './deployed-parameters.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { DeploymentError } from './deployment-error.ts';
import { requestUrlOf } from './request-url.ts';

export type AppCommand = 'check' | 'plan' | 'apply';

/** A stage, as far as its app depends on it. */
export interface StageApp {
  stack: DeployedStack;
  /** The stage's name. */
  stage: string;
  /** The project's folder. */
  root: string;
  /** The values of the stage's secret. */
  secrets: Environment;
  /** Where its keys are stored. */
  keyStore: KeyStore;
  /** Default: the domain that the stack was deployed with. */
  domain?: string;
  print: (line: string) => void;
}

interface CommandSettings {
  renewsKeys: boolean;
  prunes: boolean;
  sendsUnknown: boolean;
  /** Whether to apply without asking. */
  isConfirmed: boolean;
  input: NodeJS.ReadStream;
}

/**
 * Compares the app of a stage with what the handlers and the stack need, or changes it. A stack with a long connection
 * uses it; otherwise the app calls the webhook.
 *
 * @returns whether the app is as wanted
 * @throws {DeploymentError} if the secret lacks the app's credentials, the app is a store app, or the platform rejects a
 *   call
 */
export async function configureApp(command: AppCommand, stage: StageApp & CommandSettings): Promise<boolean> {
  const options = await openApp(stage);
  if (stage.renewsKeys && options.target.requestUrl === undefined) {
    throw new DeploymentError('--rotate-keys has no effect: the app uses the long connection, which needs no keys.');
  }
  const ask = async () => stage.isConfirmed || (await confirm('Apply these changes? Type yes: ', stage.input));
  try {
    if (command === 'check') return await checkApp(options);
    return command === 'plan' ? await printPlan(options) : await applyPlan({ ...options, confirm: ask });
  } catch (error) {
    throw toDeploymentError(error);
  }
}

/**
 * Compares the app of a stage with what the handlers and the stack need.
 *
 * @throws {DeploymentError} as {@link configureApp} does
 */
export async function compareStageApp(stage: StageApp): Promise<StatusItem[]> {
  const options = await openApp({ ...stage, renewsKeys: false, prunes: false, sendsUnknown: false });
  try {
    return await compareApp(options);
  } catch (error) {
    throw toDeploymentError(error);
  }
}

async function openApp(stage: StageApp & Pick<CommandSettings, 'renewsKeys' | 'prunes' | 'sendsUnknown'>) {
  const { stack, root, secrets, keyStore, print } = stage;
  if (!secrets.FEISHU_APP_ID || !secrets.FEISHU_APP_SECRET) {
    throw new DeploymentError(
      "The stage's secret does not contain FEISHU_APP_ID and FEISHU_APP_SECRET. Add them to .env and run: npx serverless secrets",
    );
  }
  if (deployedParameter(stack, 'appType') === 'store') {
    throw new DeploymentError('The platform configures store apps only in the developer console.');
  }
  const domain = stage.domain ?? deployedParameter(stack, 'domain') ?? PLATFORMS.feishu.domain;
  const hasConnection = stack.physicalId('ConnectionService') !== undefined;
  const requestUrl = hasConnection ? undefined : requestUrlOf(stack);
  const target: Target = {
    requirements: await deriveRequirements(root),
    requestUrl,
    keys:
      requestUrl === undefined
        ? undefined
        : new KeyRotation({ store: keyStore, requestUrl, renews: stage.renewsKeys, now: Date.now }),
    prunes: stage.prunes,
    sendsUnknown: stage.sendsUnknown,
  };
  return {
    app: await PlatformApp.create({ ...readAppCredentials(secrets), domain }),
    target,
    unpublished: unpublishedChangesOf(root, secrets.FEISHU_APP_ID),
    maximumConnections: hasConnection ? Number(deployedParameter(stack, 'connectionCount') ?? 1) : 0,
    applyCommand: `npx serverless app apply --stage ${stage.stage}`,
    print,
  };
}

/** The framework shows other errors with a stack trace. */
function toDeploymentError(cause: unknown): unknown {
  return cause instanceof Error && !(cause instanceof TypeError)
    ? new DeploymentError(cause.message, { cause })
    : cause;
}

/**
 * Configures the app of a stage that was just deployed, without asking. A version that waits for an administrator does not
 * fail the deployment.
 *
 * @throws {DeploymentError} if the app could not be configured; the message contains the platform's words and what to do
 */
export async function configureDeployedApp(stage: StageApp): Promise<void> {
  const settings = { renewsKeys: false, prunes: false, sendsUnknown: false, isConfirmed: true, input: process.stdin };
  try {
    await configureApp('apply', { ...stage, ...settings });
  } catch (error) {
    if (!(error instanceof DeploymentError)) throw error;
    throw new DeploymentError(
      `The stack is deployed, but its app is not configured. ${error.message} Then run: npx serverless app apply --stage ${stage.stage}`,
    );
  }
}
