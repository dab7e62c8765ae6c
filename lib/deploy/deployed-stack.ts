import {
  type CloudFormationClient,
  DescribeStacksCommand,
  paginateListStackResources,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { DeploymentError } from './deployment-error.ts';

/** What a stack consists of, as CloudFormation tells it. */
export interface DeployedStack {
  name: string;
  /** @returns what AWS calls a resource of the template (of a queue its URL), `undefined` when the stack has none such */
  physicalId(logicalId: string): string | undefined;
  /** @returns what AWS calls the resources of a type, such as `AWS::CloudWatch::Alarm` */
  physicalIdsOf(type: string): string[];
  output(key: string): string | undefined;
}

/** @throws {DeploymentError} when there is no such stack */
export async function readDeployedStack(client: CloudFormationClient, name: string): Promise<DeployedStack> {
  const outputs = await readOutputs(client, name);
  const resources: StackResourceSummary[] = [];
  for await (const page of paginateListStackResources({ client }, { StackName: name })) {
    resources.push(...(page.StackResourceSummaries ?? []).filter(({ ResourceStatus: status }) => exists(status)));
  }
  return {
    name,
    physicalId: (logicalId) => resources.find((one) => one.LogicalResourceId === logicalId)?.PhysicalResourceId,
    physicalIdsOf: (type) =>
      resources.filter((one) => one.ResourceType === type).flatMap((one) => one.PhysicalResourceId ?? []),
    output: (key) => outputs.find((one) => one.OutputKey === key)?.OutputValue,
  };
}

async function readOutputs(client: CloudFormationClient, name: string) {
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return stack?.Outputs ?? [];
  } catch (cause) {
    if (!(cause instanceof Error) || !/does not exist/.test(cause.message)) throw cause;
    throw new DeploymentError(
      `There is no stack ${name} in ${await client.config.region()}. Deploy it first (npx serverless deploy), ` +
        'or name another with --stage and --region.',
      { cause },
    );
  }
}

function exists(status: string | undefined): boolean {
  return status !== 'DELETE_COMPLETE';
}
