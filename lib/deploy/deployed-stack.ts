import {
  type CloudFormationClient,
  DescribeStacksCommand,
  paginateListStackResources,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { DeploymentError } from './deployment-error.ts';

/** A stack's resources and outputs, read from CloudFormation. */
export interface DeployedStack {
  name: string;
  /** Returns a resource's physical id (for a queue, its URL), `undefined` if the stack does not have the resource. */
  physicalId(logicalId: string): string | undefined;
  /** Returns the physical ids of all resources of a type, such as `AWS::CloudWatch::Alarm`. */
  physicalIdsOf(type: string): string[];
  resources(): { logicalId: string; type: string; physicalId: string }[];
  output(key: string): string | undefined;
}

/** @throws {DeploymentError} if the stack does not exist */
export async function readDeployedStack(client: CloudFormationClient, name: string): Promise<DeployedStack> {
  const outputs = await readOutputs(client, name);
  const resources: StackResourceSummary[] = [];
  for await (const page of paginateListStackResources({ client }, { StackName: name })) {
    resources.push(...(page.StackResourceSummaries ?? []).filter(({ ResourceStatus: status }) => exists(status)));
  }
  return {
    name,
    physicalId: (logicalId) =>
      resources.find((resource) => resource.LogicalResourceId === logicalId)?.PhysicalResourceId,
    physicalIdsOf: (type) =>
      resources
        .filter((resource) => resource.ResourceType === type)
        .flatMap(({ PhysicalResourceId }) => PhysicalResourceId ?? []),
    resources: () =>
      resources.map(({ LogicalResourceId = '', ResourceType = '', PhysicalResourceId = '' }) => ({
        logicalId: LogicalResourceId,
        type: ResourceType,
        physicalId: PhysicalResourceId,
      })),
    output: (key) => outputs.find(({ OutputKey }) => OutputKey === key)?.OutputValue,
  };
}

async function readOutputs(client: CloudFormationClient, name: string) {
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return stack?.Outputs ?? [];
  } catch (cause) {
    if (!(cause instanceof Error) || !/does not exist/.test(cause.message)) throw cause;
    throw new DeploymentError(
      `The stack ${name} does not exist in ${await client.config.region()}. Deploy it first (npx serverless deploy), ` +
        'or select another with --stage and --region.',
      { cause },
    );
  }
}

function exists(status: string | undefined): boolean {
  return status !== 'DELETE_COMPLETE';
}
