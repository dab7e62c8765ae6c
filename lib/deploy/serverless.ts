import type { AwsConfig } from './aws-clients.ts';

/** What the plugin uses of the Serverless Framework. */
export interface Serverless {
  serviceDir: string;
  service: {
    service: string;
    functions: Record<string, FunctionDefinition>;
    provider: {
      compiledCloudFormationTemplate: Template;
      /** Set when the framework found that nothing has changed. */
      shouldNotDeploy?: boolean;
    };
  };
  /** `serverless.yml` with its variables resolved. */
  configurationInput: { params?: Partial<Record<string, Record<string, unknown>>> };
  processedInput: { commands: string[]; options: { param?: string[] } };
  getProvider(name: 'aws'): AwsProvider;
}

interface FunctionDefinition {
  handler: string;
  package?: { individually?: boolean; patterns?: string[] };
}

/** Region, profile and stage are resolved in it as for the framework's own commands. */
export interface AwsProvider {
  getStage(): string;
  getRegion(): string;
  getDeploymentPrefix(): string;
  getServerlessDeploymentBucketName(): Promise<string>;
  /** The configuration of an AWS SDK client. */
  getAwsSdkV3Config(): Promise<AwsConfig>;
  naming: { getStackName(): string };
}

/** What the framework passes to a plugin for its output. */
export interface PluginUtilities {
  log: { notice(text: string): void; warning(text: string): void };
  progress: { get(name: string): StepProgress };
}

/** What the framework shows in place, on a terminal alone, while a step lasts. */
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
