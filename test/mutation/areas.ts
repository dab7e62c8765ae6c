/** Modules, and the tests that must detect a change to them. */
export interface Area {
  modules: string[];
  tests: string[];
}

/** The code that must not break unnoticed: the platform's protocol, and everything that prevents the loss of events. */
export const AREAS: readonly Area[] = [
  { modules: ['lib/feishu/*.ts'], tests: ['test/feishu/*.test.ts'] },
  {
    modules: ['lib/feishu/long-connection/{address,backoff,errors,fragments,frame,heartbeat,rejection,settings}.ts'],
    tests: [
      'test/feishu/long-connection/{address,backoff,errors,fragments,frame,heartbeat,rejection,settings}.test.ts',
    ],
  },
  {
    modules: [
      'lib/feishu/long-connection/{acknowledgement,reconnector,connection,deliveries,discovery,concurrency-limit}.ts',
    ],
    tests: ['test/feishu/long-connection/{connection,deliveries,discovery,events,stop}.test.ts'],
  },
  { modules: ['lib/queue/message.ts'], tests: ['test/queue/message.test.ts'] },
  {
    modules: ['lib/store/{idempotency,idempotency-records,service-clock}.ts'],
    tests: ['test/store/idempotency.test.ts', 'test/worker/{worker,isolation}.test.ts'],
  },
  {
    modules: ['lib/worker/{isolation,processor,received-messages,retry,suspects}.ts'],
    tests: ['test/worker/*.test.ts', 'test/testing/run.test.ts'],
  },
  {
    modules: ['lib/store/redrives.ts', 'lib/dead-letters/redrive.ts'],
    tests: ['test/store/redrives.test.ts', 'test/dead-letters/*.test.ts'],
  },
];

/** Modules with only types and constants, whose mutants are meaningless. */
export const WITHOUT_BEHAVIOR: readonly string[] = ['lib/feishu/log.ts', 'lib/feishu/long-connection/timing.ts'];
