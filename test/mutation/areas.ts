/** Modules, and the tests that have to notice when one of them is changed. */
export interface Area {
  modules: string[];
  tests: string[];
}

/** What must not break unnoticed: the platform's protocol, and everything that keeps an event from being lost. */
export const AREAS: readonly Area[] = [
  ...['cipher', 'envelope', 'event-identity', 'json-members', 'response-text', 'signature', 'timestamp'].map(
    (name) => ({
      modules: [`lib/feishu/${name}.ts`],
      tests: [`test/feishu/${name}*.test.ts`],
    }),
  ),
  {
    modules: ['lib/feishu/{errors,event-types,request,url-verification}.ts'],
    tests: ['test/feishu/{constant-time,request,request-errors,url-verification}.test.ts'],
  },
  ...[
    'address',
    'backoff',
    'concurrency-limit',
    'errors',
    'fragments',
    'frame',
    'heartbeat',
    'rejection',
    'settings',
  ].map((name) => ({
    modules: [`lib/feishu/long-connection/${name}.ts`],
    tests: [`test/feishu/long-connection/${name}.test.ts`],
  })),
  {
    modules: ['lib/feishu/long-connection/{acknowledgement,deliveries}.ts'],
    tests: ['test/feishu/long-connection/{deliveries,events}.test.ts'],
  },
  {
    modules: ['lib/feishu/long-connection/discovery.ts'],
    tests: ['test/feishu/long-connection/{discovery,discovery-response}.test.ts'],
  },
  {
    modules: ['lib/feishu/long-connection/{connection,reconnector}.ts'],
    tests: ['test/feishu/long-connection/{connection,connection-log,events,reconnector,stop}.test.ts'],
  },
  { modules: ['lib/queue/message.ts'], tests: ['test/queue/message.test.ts'] },
  { modules: ['lib/store/idempotency.ts'], tests: ['test/store/{idempotency,idempotency-deadlines}.test.ts'] },
  {
    modules: ['lib/store/{idempotency-records,service-clock}.ts'],
    tests: ['test/store/{idempotency-records,service-clock}.test.ts'],
  },
  { modules: ['lib/worker/isolation.ts'], tests: ['test/worker/deliver-batch.test.ts'] },
  {
    modules: ['lib/worker/{processor,received-messages,retry,suspects}.ts'],
    tests: ['test/worker/{processor,received-messages,retry-delay,suspects}.test.ts'],
  },
  { modules: ['lib/store/redrives.ts'], tests: ['test/store/redrives.test.ts'] },
  { modules: ['lib/dead-letters/redrive.ts'], tests: ['test/dead-letters/redrive.test.ts'] },
];

/** They declare types and constants: a mutant of them says nothing. */
export const WITHOUT_BEHAVIOR: readonly string[] = ['lib/feishu/log.ts', 'lib/feishu/long-connection/timing.ts'];
