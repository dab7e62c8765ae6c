import type { AwsConfig } from './aws-clients.ts';

/** The part of the Serverless Framework that the plugin uses. */
export interface Serverless {
  serviceDir: string;
  service: {
    service: string;
    functions: Record<string, FunctionDefinition>;
    package?: { artifact?: string };
    provider: {
      /** Default: x86_64. */
      architecture?: string;
      compiledCloudFormationTemplate: Template;
      /** Set if nothing has changed since the last deployment. */
      shouldNotDeploy?: boolean;
    };
  };
  /** `serverless.yml` with resolved variables. */
  configurationInput: { params?: Partial<Record<string, Record<string, unknown>>> };
  processedInput: { commands: string[]; options: { param?: string[] } };
  getProvider(name: 'aws'): AwsProvider;
}

export interface FunctionDefinition {
  handler: string;
  /** A container image instead of a handler. */
  image?: unknown;
  architecture?: string;
  package?: { individually?: boolean; patterns?: string[]; artifact?: string };
}

/** Resolves region, profile and stage as the framework's own commands do. */
export interface AwsProvider {
  getStage(): string;
  getRegion(): string;
  getDeploymentPrefix(): string;
  getServerlessDeploymentBucketName(): Promise<string>;
  /** The configuration of an AWS SDK client. */
  getAwsSdkV3Config(): Promise<AwsConfig>;
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
  Resources: Record<string, Resource>;
  Outputs?: Record<string, { Condition?: string; Value: unknown }>;
}

export interface Resource {
  Type: string;
  Condition?: string;
  DependsOn?: string | string[];
  Properties?: Record<string, unknown>;
}
