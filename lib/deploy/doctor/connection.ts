import { DescribeServicesCommand, type ECSClient } from '@aws-sdk/client-ecs';
import { type Finding, ok, problem } from './finding.ts';

/** Checks that the task which holds the long connection runs. */
export async function checkConnection(client: ECSClient, cluster: string, service: string): Promise<Finding> {
  const { services: [found] = [] } = await client.send(new DescribeServicesCommand({ cluster, services: [service] }));
  if (found === undefined || found.status === 'INACTIVE') {
    return problem('The service of the long connection is gone.', 'Was it deleted by hand? Deploy again.');
  }
  const { desiredCount = 0, runningCount = 0, events: [last] = [] } = found;
  if (desiredCount === 0) {
    return problem(
      'The long connection is turned off: its service is told to run no task.',
      'Deploy again (npx serverless deploy), or: aws ecs update-service --desired-count 1',
    );
  }
  if (runningCount === desiredCount) return ok(`The long connection's task is running (${runningCount})`);
  return problem(
    `Of the long connection, ${runningCount} of ${desiredCount} tasks are running. ${last?.message ?? ''}`.trim(),
    "See the connection's log group: wrong app credentials and a lack of network are its usual reasons.",
  );
}
