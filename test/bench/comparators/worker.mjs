import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { Client } from '@larksuiteoapi/node-sdk';

// The common setup: a Lambda function that handles one message after the other, with the official SDK's client.

const { FEISHU_APP_ID, FEISHU_APP_SECRET, FEISHU_DOMAIN, CLAIMS_TABLE } = process.env;
const client = new Client({ appId: FEISHU_APP_ID, appSecret: FEISHU_APP_SECRET, domain: FEISHU_DOMAIN });
const handlers = {
  out_approval: async (event) => {
    console.log(
      JSON.stringify({ message: 'Approved to be out of the office', user: event.user_id, via: client.domain }),
    );
  },
};
const config = new IdempotencyConfig({});
const persistenceStore = new DynamoDBPersistenceLayer({ tableName: CLAIMS_TABLE });
const handleOnce = makeIdempotent(
  async (_id, event) => {
    await handlers[event.type](event);
    return 'handled';
  },
  { persistenceStore, config, keyPrefix: 'event', dataIndexArgument: 0 },
);

export async function handler({ Records }, context) {
  config.registerLambdaContext(context);
  for (const record of Records) {
    const { uuid, event } = JSON.parse(record.body);
    await handleOnce(uuid, event);
  }
}
