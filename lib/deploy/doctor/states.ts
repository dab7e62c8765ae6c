import { DescribeTableCommand, type DynamoDBClient, ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import { type Finding, ok, problem, skipped } from './finding.ts';

/**
 * Checks that the table of states and turns exists if a handler uses it.
 *
 * @param tableName `undefined` if the stack has none
 * @param usesState whether a handler of the project uses it
 */
export async function checkStates(
  dynamo: DynamoDBClient,
  tableName: string | undefined,
  usesState: () => Promise<boolean>,
): Promise<Finding> {
  if (tableName === undefined) {
    return (await usesState())
      ? problem(
          'An event handler uses states or turns, but the stack has no table for them.',
          'Deploy again: npx serverless deploy.',
        )
      : skipped('No event handler uses states or turns');
  }
  try {
    await dynamo.send(new DescribeTableCommand({ TableName: tableName }));
    return ok('The table of states exists');
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error;
    return problem(
      `The table of states ${tableName} was deleted.`,
      'Restore its system backup in the DynamoDB console, with the same name. DynamoDB keeps it for 35 days.',
    );
  }
}
