import type { AwsConfig } from './aws-clients.ts';

/** The part of the Serverless Framework that the plugin uses. */
export interface Serverless {
  serviceDir: string;
  service: {
    service: string;
    functions: Record<string, FunctionDefinition>;
    package?: { artifact?: string };
    provider: Provider;
  };
  /** `serverless.yml` with resolved variables. */
  configurationInput: {
    params?: Partial<Record<string, Record<string, unknown>>>;
    custom?: { extensions?: unknown };
    provider?: { stackName?: unknown; stackTags?: unknown };
  };
  processedInput: {
    commands: string[];
    options: { param?: string[]; package?: string };
    isHelpRequest: boolean;
  };
  /** Changes `serverless.yml` before its variables are resolved. Only possible while plugins are initialized. */
  extendConfiguration(path: string[], value: unknown): void;
  /** Validates `serverless.yml` before the `initialize` hook. */
  configSchemaHandler: { schema: { properties: { resources: { properties: Record<string, object> } } } };
  getProvider(name: 'aws'): AwsProvider;
}

/** The section `provider` of `serverless.yml`, and what the framework adds to it. */
export interface Provider {
  runtime?: string;
  /** Default: x86_64. */
  architecture?: string;
  /** The settings of the framework's default role, or an existing role. The following names are older. */
  iam?: { role?: unknown };
  role?: unknown;
  iamRoleStatements?: unknown[];
  iamManagedPolicies?: unknown[];
  rolePermissionsBoundary?: unknown;
  environment?: Record<string, unknown>;
  tracing?: Record<string, unknown>;
  tags?: Record<string, string>;
  stackTags?: Record<string, string>;
  compiledCloudFormationTemplate: Template;
  /** Set if nothing has changed since the last deployment. */
  shouldNotDeploy?: boolean;
  /** The deployed function that `deploy function` updates. */
  remoteFunctionData?: { Configuration?: { Role?: string } };
}

export interface FunctionDefinition {
  handler: string;
  environment?: Record<string, unknown>;
  /** An ARN, a logical id, or a reference such as `!GetAtt Role.Arn`. */
  role?: unknown;
  vpc?: unknown;
  disableLogs?: boolean;
  reservedConcurrency?: number;
  provisionedConcurrency?: number;
  events?: { sqs?: string | { maximumConcurrency?: number }; httpApi?: string }[];
  /** A container image instead of a handler. */
  image?: unknown;
  runtime?: string;
  layers?: unknown;
  architecture?: string;
  package?: { individually?: boolean; patterns?: string[]; artifact?: string };
}

/** Resolves region, profile and stage as the framework's own commands do. */
export interface AwsProvider {
  getStage(): string;
  getRegion(): string;
  getAccountId(): Promise<string>;
  getDeploymentPrefix(): string;
  getServerlessDeploymentBucketName(): Promise<string>;
  /** Returns the role of a function, `undefined` if it has the framework's default role. */
  getCustomExecutionRole(definition: FunctionDefinition): unknown;
  /** The configuration of an AWS SDK client. */
  getAwsSdkV3Config(options?: object): Promise<AwsConfig>;
  naming: { getStackName(): string };
}

/** The output utilities that the framework passes to a plugin. */
export interface PluginUtilities {
  log: { notice(text: string): void; warning(text: string): void };
  progress: { get(name: string): StepProgress };
}

/** A progress line that the framework shows during a step, only on a terminal. */
export interface StepProgress {
  notice(text: string): void;
  remove(): void;
}

/** A CloudFormation template. */
export interface Template {
  Transform?: unknown;
  Conditions?: Record<string, unknown>;
  Resources: Record<string, Resource>;
  Outputs?: Record<string, { Condition?: string; Description?: string; Value: unknown }>;
}

export interface Resource {
  Type: string;
  Condition?: string;
  DependsOn?: string | string[];
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
  Properties?: Record<string, unknown>;
}
