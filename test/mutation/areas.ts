/** Modules, and the tests that must detect a change to them. */
export interface Area {
  modules: string[];
  tests: string[];
}

/** The code that must not break unnoticed: the platform's protocol, and everything that prevents the loss of events. */
export const AREAS: readonly Area[] = [
  ...[
    'cipher',
    'envelope',
    'event-identity',
    'http-post',
    'json-members',
    'response-text',
    'route',
    'signature',
    'timestamp',
  ].map((name) => ({
    modules: [`lib/feishu/${name}.ts`],
    tests: [`test/feishu/${name}*.test.ts`],
  })),
  {
    modules: ['lib/feishu/{approval-request,same-secret,unsigned-ciphertext}.ts'],
    tests: ['test/feishu/{approval-request,constant-time,url-verification}.test.ts'],
  },
  {
    modules: ['lib/feishu/{errors,event-types,request,url-verification}.ts'],
    tests: ['test/feishu/{constant-time,request,request-errors,url-verification}.test.ts'],
  },
  ...[
    'acknowledgement',
    'address',
    'backoff',
    'concurrency-limit',
    'deliveries',
    'discovery',
    'errors',
    'fragments',
    'frame',
    'heartbeat',
    'online-connections',
    'rejection',
    'settings',
  ].map((name) => ({
    modules: [`lib/feishu/long-connection/${name}.ts`],
    tests: [`test/feishu/long-connection/${name}*.test.ts`],
  })),
  {
    modules: ['lib/feishu/long-connection/{payload-encoding,warn-once}.ts'],
    tests: ['test/feishu/long-connection/events.test.ts'],
  },
  {
    modules: ['lib/feishu/long-connection/{connection,reconnector}.ts'],
    tests: [
      'test/feishu/long-connection/{connection,connection-close,connection-log,discovery-proxy,events,reconnector,stop}.test.ts',
    ],
  },
  { modules: ['lib/queue/message.ts'], tests: ['test/queue/message.test.ts'] },
  { modules: ['lib/store/idempotency.ts'], tests: ['test/store/{idempotency,idempotency-deadlines}.test.ts'] },
  {
    modules: ['lib/store/{idempotency-records,service-clock}.ts'],
    tests: ['test/store/{idempotency-records,service-clock}.test.ts'],
  },
  { modules: ['lib/worker/isolation.ts'], tests: ['test/worker/deliver-batch.test.ts'] },
  {
    modules: ['lib/worker/{received-messages,retry,suspects}.ts'],
    tests: ['test/worker/{received-messages,retry-delay,suspects}.test.ts'],
  },
  { modules: ['lib/worker/processor.ts'], tests: ['test/worker/{processor,attempts,calls,continue}.test.ts'] },
  { modules: ['lib/store/redrives.ts'], tests: ['test/store/redrives.test.ts'] },
  { modules: ['lib/store/table-items.ts'], tests: ['test/store/table-items.test.ts'] },
  { modules: ['lib/dead-letters/redrive.ts'], tests: ['test/dead-letters/redrive.test.ts'] },
];

/** Modules with only types and constants, whose mutants are meaningless. */
export const WITHOUT_BEHAVIOR: readonly string[] = [
  'lib/feishu/approval-types.ts',
  'lib/feishu/log.ts',
  'lib/feishu/payloads-missing-in-sdk.ts',
  'lib/feishu/long-connection/timing.ts',
  'lib/feishu/proxy-from-env.d.ts',
];
