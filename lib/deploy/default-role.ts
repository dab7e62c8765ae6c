import { isDeepStrictEqual } from 'node:util';
import type { Template } from './serverless.ts';

/** What the framework allows for the `sqs` event of any function, even of the worker, which has its own role. */
const CONSUME_QUEUES = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
const EVENTS_QUEUE = { 'Fn::GetAtt': ['EventsQueue', 'Arn'] };

interface Statement {
  Action: unknown;
  Resource: unknown;
}

/**
 * Removes access to the events queue from the framework's role for functions without a `role`. Otherwise each function
 * that the user adds could receive and delete events.
 *
 * @param template the framework's template, which is changed
 */
export function protectEventsQueue({ Resources: { IamRoleLambdaExecution: role } }: Template): void {
  const policies = (role?.Properties?.Policies ?? []) as { PolicyDocument: { Statement: Statement[] } }[];
  for (const { PolicyDocument: document } of policies) {
    document.Statement = document.Statement.flatMap((statement) => {
      if (!isDeepStrictEqual(statement.Action, CONSUME_QUEUES) || !Array.isArray(statement.Resource))
        return [statement];
      const others = statement.Resource.filter((resource) => !isDeepStrictEqual(resource, EVENTS_QUEUE));
      return others.length === 0 ? [] : [{ ...statement, Resource: others }];
    });
  }
}
