import type { IncomingMessage } from 'node:http';
import { startHttpServer } from '../../../lib/local/http-server.ts';
import type { HttpResponse } from '../../../lib/webhook/http.ts';
import { startMoto } from './moto.ts';

export type Moto = Awaited<ReturnType<typeof startMotoWithAlarm>>;

/** Starts moto with a proxy that adds an alarm to each stack, because moto's CloudFormation does not support alarms. */
export async function startMotoWithAlarm() {
  const moto = await startMoto();
  const cloudFormation = await startHttpServer('127.0.0.1', 0, (request, body) =>
    addAlarm(moto.endpoint, request, body),
  );
  return {
    environment: { ...moto.environment, AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.origin },
    async stop() {
      await cloudFormation.stop();
      await moto.stop();
    },
  };
}

/** Returns the name of a stack's alarm. */
export function alarmNameOf(stackName: string): string {
  return `${stackName}-dead-letters`;
}

async function addAlarm(
  endpoint: string,
  { headers, url = '/' }: IncomingMessage,
  body: Buffer,
): Promise<HttpResponse> {
  const { authorization = '', 'content-type': type = '' } = headers;
  const response = await fetch(`${endpoint}${url}`, {
    method: 'POST',
    headers: { authorization, 'content-type': type },
    body: new Uint8Array(body),
  });
  const stackName = new URLSearchParams(body.toString()).get('StackName') ?? '';
  const alarm =
    '<member><LogicalResourceId>Alarm</LogicalResourceId><ResourceType>AWS::CloudWatch::Alarm</ResourceType>' +
    `<PhysicalResourceId>${alarmNameOf(stackName)}</PhysicalResourceId><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>`;
  const end = '</StackResourceSummaries>';
  return {
    statusCode: response.status,
    headers: { 'content-type': response.headers.get('content-type') ?? '' },
    body: (await response.text()).replace(end, `${alarm}${end}`),
  };
}
