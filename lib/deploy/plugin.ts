import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { readApprovalModules } from '../build/approval-modules.ts';
import { type Extensions, parseExtensions, readExtensions } from '../build/extensions.ts';
import { readEnvironmentFile } from '../cli/environment-file.ts';
import { checkSettings } from '../cli/settings.ts';
import {
  applyExtensions,
  applyParameters,
  checkCallbackClient,
  extendApprovals,
  extendCallbacks,
} from './apply-extensions.ts';
import { applyApprovals } from './approvals.ts';
import { checkArtifactSize, REPORTED_BYTES, toMegabytes } from './artifact-size.ts';
import { bundleFunctions } from './bundle-functions.ts';
import { checkArtifact } from './check-artifact.ts';
import { type CommandOptions, createOperatorHooks, OPERATOR_COMMANDS, readStageApp } from './commands.ts';
import { connectionKey, packageConnection, uploadConnection } from './connection-asset.ts';
import { prepareFunctionDeployment } from './deploy-function.ts';
import { keepDeployedParameters, readAccount, readStack, storeParameters } from './deployed-parameters.ts';
import { createDeployerPolicy } from './deployer-policy.ts';
import { DeploymentError } from './deployment-error.ts';
import { completeRoles } from './function-roles.ts';
import { checkFunctionSettings } from './function-settings.ts';
import { type DeployOptions, readOptions } from './options.ts';
import { applyProxySettings } from './proxy.ts';
import { queueNamesFreeAt } from './queue-names.ts';
import { resolveTemplate, resolveValue, type TemplateValues } from './resolve-template.ts';
import { rejectRollback } from './rollback.ts';
import { secretReferences } from './secrets/secret-references.ts';
import { ensureSecret, removeStageSecret, saveSecrets, secretNameOf } from './secrets/secrets.ts';
import type { PluginUtilities, Serverless, StepProgress } from './serverless.ts';
import { checkOwner, STACK_COMMANDS, storeOwner } from './stack-owner.ts';
import { checkStageName } from './stage-name.ts';
import { templateValues } from './template-values.ts';

const BUNDLES_FOLDER = '.build';
/** The commands that apply parameters to a deployed stack. */
const DEPLOYING_COMMANDS = new Set(['deploy', 'deploy function', 'secrets']);
/** For the role of a pipeline; see docs/ci-cd.md. */
const DEPLOYER_POLICY_FILE = '.serverless/deployer-policy.json';

/**
 * The template's plugin for the Serverless Framework. It bundles the functions, removes disabled parts from the stack,
 * manages the app's secrets, and adds the operator's commands.
 */
export default class FeishuEventsPlugin {
  readonly hooks: Record<string, () => Promise<void> | void>;
  readonly commands = {
    secrets: {
      usage: "Create or update the stage's secret from .env and the environment; prints names, never values",
      lifecycleEvents: ['save'],
    },
    // These commands are the framework's. It adds the options.
    deploy: {
      options: {
        'allow-replacement': {
          usage: 'Replace queues, tables and buckets although they are not empty',
          type: 'boolean',
        },
      },
    },
    remove: { options: { yes: { usage: 'Skip the confirmation', type: 'boolean' } } },
    ...OPERATOR_COMMANDS,
  };
  readonly #serverless: Serverless;
  readonly #notice: (text: string) => void;
  readonly #warning: (text: string) => void;
  readonly #progress: StepProgress;
  #options!: DeployOptions;
  #extensions!: Extensions;
  #templateValues!: TemplateValues;
  #usesState = false;
  #deployed = { isNewStack: false, isSpotDeployed: false };
  /** When SQS accepts the names of the queues, in milliseconds since 1970. */
  #queueNamesFreeAt = 0;

  constructor(serverless: Serverless, options: CommandOptions, { log, progress }: PluginUtilities) {
    applyProxySettings(serverless.getProvider('aws'));
    this.#serverless = serverless;
    this.#notice = (text) => log.notice(text);
    this.#warning = (text) => log.warning(text);
    this.#progress = progress.get('feishu-events');
    // The framework's schema of `resources` lacks this section of a CloudFormation template.
    serverless.configSchemaHandler.schema.properties.resources.properties.Rules ??= { type: 'object' };
    applyParameters(serverless.configurationInput);
    this.hooks = {
      initialize: () => this.#readOptions(),
      'before:package:initialize': () => checkFunctionSettings(serverless.service),
      'before:package:createDeploymentArtifacts': () => this.#step('Bundling the functions', () => this.#bundle()),
      'after:package:createDeploymentArtifacts': () => this.#checkArtifacts(),
      'before:package:compileFunctions': () => this.#resolveEnvironments(),
      'after:deploy:function:initialize': () => prepareFunctionDeployment(serverless, String(options.function)),
      'before:deploy:function:packageFunction': () => this.#step('Bundling the functions', () => this.#bundle()),
      'after:deploy:function:packageFunction': () => this.#checkArtifacts(),
      'after:aws:package:finalize:mergeCustomProviderResources': () => this.#finishTemplate(),
      'before:aws:deploy:deploy:createStack': async () => {
        await this.#guardReplacements(options['allow-replacement'] === true);
        await this.#waitForQueueNames();
      },
      'after:aws:deploy:deploy:uploadArtifacts': () => this.#uploadConnection(),
      'after:deploy:finalize': () => this.#configureApp(),
      'before:remove:remove': () => this.#prepareRemoval(options.yes === true),
      'after:remove:remove': async () => removeStageSecret(await this.#stageSecret()),
      'secrets:save': async () => saveSecrets(await this.#stageSecret()),
      ...createOperatorHooks(serverless, options),
    };
  }

  /** Checks and completes the parameters before the framework inserts them into the configuration. */
  async asyncInit(): Promise<void> {
    const { processedInput, configurationInput } = this.#serverless;
    if (processedInput.isHelpRequest) return;
    rejectRollback(processedInput.commands, this.#serverless.getProvider('aws').getStage());
    const provider = this.#serverless.getProvider('aws');
    const command = processedInput.commands.join(' ');
    if (STACK_COMMANDS.has(command)) {
      const stack = await readStack(provider);
      checkOwner(stack, provider.naming.getStackName(), this.#serverless);
      if (DEPLOYING_COMMANDS.has(command) && !processedInput.options.package) {
        this.#deployed = await keepDeployedParameters(this.#serverless, stack, this.#notice);
      }
    }
    const { default: defaults, [provider.getStage()]: section } = configurationInput.params ?? {};
    // Values that contain variables are checked after their resolution.
    if (!JSON.stringify([defaults, section]).includes('${')) readOptions(this.#serverless);
  }

  async #readOptions(): Promise<void> {
    const { serviceDir, service, processedInput, configurationInput } = this.#serverless;
    try {
      // Both as written, for errors in parts that are not resolved, and as resolved.
      await readExtensions(serviceDir);
      this.#extensions = parseExtensions(configurationInput.custom?.extensions);
    } catch (error) {
      throw new DeploymentError((error as Error).message, { cause: error });
    }
    this.#options = readOptions(this.#serverless);
    checkCallbackClient(this.#extensions, this.#options);
    if (['package', ...DEPLOYING_COMMANDS].includes(processedInput.commands.join(' ')))
      await this.#checkEnvironmentFile();
    const { provider } = service;
    if (this.#options.tracing === 'xray') provider.tracing = { lambda: true, ...provider.tracing };
    if (!this.#options.webhook) delete service.functions.webhook;
    applyApprovals(service.functions, await readApprovalModules(serviceDir), this.#options);
    // Of the functions that are deployed.
    checkStageName(service, this.#serverless.getProvider('aws').getStage());
    applyExtensions(service, this.#extensions);
  }

  async #configureApp(): Promise<void> {
    if (!this.#options.configureApp) return;
    const { configureDeployedApp } = await import('./configure-app.ts');
    await this.#step('Configuring the app', async () => configureDeployedApp(await readStageApp(this.#serverless)));
  }

  async #checkEnvironmentFile(): Promise<void> {
    try {
      checkSettings(await readEnvironmentFile(path.join(this.#serverless.serviceDir, '.env')));
    } catch (cause) {
      throw new DeploymentError((cause as Error).message, { cause });
    }
  }

  /** Shows the current step: on a terminal through the framework's progress line, otherwise as a plain line. */
  async #step<Result>(text: string, work: () => Promise<Result>): Promise<Result> {
    if (process.stdout.isTTY) this.#progress.notice(text);
    else this.#notice(text);
    try {
      return await work();
    } finally {
      this.#progress.remove();
    }
  }

  async #bundle(): Promise<void> {
    const { serviceDir, service } = this.#serverless;
    const report = await bundleFunctions(serviceDir, path.join(serviceDir, BUNDLES_FOLDER), service);
    this.#usesState = report.usesState;
    for (const warning of report.warnings) this.#warning(warning);
    for (const notice of report.notices) this.#notice(notice);
  }

  async #checkArtifacts(): Promise<void> {
    const { serviceDir, service } = this.#serverless;
    const artifacts = Object.entries(service.functions).flatMap(([name, definition]) => {
      const artifact = definition.package?.artifact ?? service.package?.artifact;
      return artifact === undefined || artifact.startsWith('s3://')
        ? []
        : [{ name, file: path.resolve(serviceDir, artifact) }];
    });
    for (const { name, file } of artifacts) {
      await checkArtifact(name, file);
      const size = await checkArtifactSize(name, file);
      if (size > REPORTED_BYTES) this.#notice(`The artifact of ${name} has ${toMegabytes(size)} MB unzipped.`);
    }
  }

  /**
   * Resolves the functions' environment before the framework compares functions: for a function with provisioned
   * concurrency, it publishes a new version only if the function's own settings have changed, such as the secret's version.
   */
  async #resolveEnvironments(): Promise<void> {
    const { service } = this.#serverless;
    this.#templateValues = await this.#readTemplateValues();
    for (const settings of [service.provider, ...Object.values(service.functions)]) {
      if (settings.environment) settings.environment = resolveValue(settings.environment, this.#templateValues);
    }
  }

  async #readTemplateValues(): Promise<TemplateValues> {
    // `package` works without an AWS account.
    const isDeployment = this.#serverless.processedInput.commands[0] === 'deploy';
    const readSecret = async () => {
      const secret = await this.#stageSecret();
      // Before the secret is restored.
      if (this.#deployed.isNewStack)
        this.#queueNamesFreeAt = await queueNamesFreeAt(secret.client, secret.name, Date.now());
      return ensureSecret(secret);
    };
    const stored = isDeployment ? await this.#step(`Reading the secret ${this.#secretName}`, readSecret) : undefined;
    const references = secretReferences(this.#secretName, stored, this.#handlerSecrets);
    const approvals = 'approvals' in this.#serverless.service.functions;
    const options = { ...this.#options, approvals, state: this.#usesState };
    const region = this.#serverless.getProvider('aws').getRegion();
    return templateValues(options, region, references, this.#deployed.isSpotDeployed);
  }

  async #finishTemplate(): Promise<void> {
    const { serviceDir, service } = this.#serverless;
    const { longConnection } = this.#options;
    if (longConnection) {
      const warnings = await packageConnection(serviceDir, path.join(serviceDir, BUNDLES_FOLDER));
      for (const warning of warnings) this.#warning(warning);
    }
    const { conditions, values } = this.#templateValues;
    const key = longConnection ? await connectionKey(serviceDir, this.#bucketPrefix) : undefined;
    completeRoles(service);
    extendCallbacks(service.provider.compiledCloudFormationTemplate, this.#extensions.callbacks, values);
    extendApprovals(service.provider.compiledCloudFormationTemplate, this.#extensions.approvals);
    service.provider.compiledCloudFormationTemplate = resolveTemplate(service.provider.compiledCloudFormationTemplate, {
      conditions,
      values: { ...values, 'Connection::Key': key },
    });
    storeParameters(service.provider.compiledCloudFormationTemplate, this.#serverless);
    storeOwner(service.provider.compiledCloudFormationTemplate, this.#serverless);
    await this.#writeDeployerPolicy();
  }

  async #guardReplacements(isAllowed: boolean): Promise<void> {
    const provider = this.#serverless.getProvider('aws');
    const { guardReplacements } = await import('./replacements.ts');
    await guardReplacements({
      config: await provider.getAwsSdkV3Config(),
      stackName: provider.naming.getStackName(),
      stage: provider.getStage(),
      template: this.#serverless.service.provider.compiledCloudFormationTemplate,
      isAllowed,
      notice: this.#notice,
    });
  }

  async #waitForQueueNames(): Promise<void> {
    const milliseconds = this.#queueNamesFreeAt - Date.now();
    if (milliseconds <= 0) return;
    const seconds = Math.ceil(milliseconds / 1000);
    await this.#step(`Waiting for ${seconds} s: SQS does not accept the names of the removed queues earlier`, () =>
      sleep(milliseconds),
    );
  }

  async #prepareRemoval(isConfirmed: boolean): Promise<void> {
    const provider = this.#serverless.getProvider('aws');
    const { confirmRemoval } = await import('./remove-stack.ts');
    const { emptyLargeEventsBucket } = await import('./empty-bucket.ts');
    const config = await provider.getAwsSdkV3Config();
    const stackName = provider.naming.getStackName();
    await confirmRemoval({
      config,
      account: await readAccount(provider),
      region: provider.getRegion(),
      stackName,
      secretName: this.#secretName,
      isConfirmed,
      input: process.stdin,
      print: this.#notice,
    });
    await emptyLargeEventsBucket(config, stackName);
  }

  async #writeDeployerPolicy(): Promise<void> {
    const { serviceDir, service } = this.#serverless;
    const provider = this.#serverless.getProvider('aws');
    const { document, unknownTypes } = createDeployerPolicy(service.provider.compiledCloudFormationTemplate, {
      service: service.service,
      stage: provider.getStage(),
      stackName: provider.naming.getStackName(),
      region: provider.getRegion(),
    });
    await writeFile(path.join(serviceDir, DEPLOYER_POLICY_FILE), `${JSON.stringify(document, undefined, 2)}\n`);
    if (unknownTypes.length === 0 || this.#serverless.processedInput.commands[0] !== 'package') return;
    this.#notice(`${DEPLOYER_POLICY_FILE} lacks the permissions for: ${unknownTypes.join(', ')}.`);
  }

  async #uploadConnection(): Promise<void> {
    const { serviceDir, service } = this.#serverless;
    if (!this.#options.longConnection || service.provider.shouldNotDeploy) return;
    const provider = this.#serverless.getProvider('aws');
    const client = new S3Client(await provider.getAwsSdkV3Config());
    const bucket = await provider.getServerlessDeploymentBucketName();
    await this.#step('Uploading the long-connection program', () =>
      uploadConnection(client, bucket, this.#bucketPrefix, serviceDir),
    );
  }

  async #stageSecret() {
    const provider = this.#serverless.getProvider('aws');
    return {
      client: new SecretsManagerClient(await provider.getAwsSdkV3Config()),
      name: this.#secretName,
      stage: provider.getStage(),
      root: this.#serverless.serviceDir,
      options: this.#options,
      handlerSecrets: this.#handlerSecrets,
      notice: this.#notice,
    };
  }

  get #handlerSecrets(): string[] {
    const { secrets, callbacks, approvals } = this.#extensions;
    return [...new Set([...secrets, ...callbacks.secrets, ...approvals.secrets])];
  }

  get #secretName(): string {
    return secretNameOf(this.#serverless);
  }

  /** The framework deletes all objects with this prefix when it removes the stack. */
  get #bucketPrefix(): string {
    const provider = this.#serverless.getProvider('aws');
    return `${provider.getDeploymentPrefix()}/${this.#serverless.service.service}/${provider.getStage()}`;
  }
}
