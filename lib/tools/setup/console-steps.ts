import type { StatusItem } from '../../app/app-status.ts';
import type { Requirements } from '../../app/requirements.ts';
import { requestedScopes } from './requested-scopes.ts';

type Part = StatusItem['part'];

interface Step {
  part: Part;
  title: string;
  details: string[];
}

/**
 * Lists the steps in the developer console with this project's names.
 *
 * @param status the app's status, if its credentials are known
 * @param domain for example `https://open.feishu.cn`
 */
export function consoleSteps(requirements: Requirements, status: readonly StatusItem[], domain: string): string[] {
  return stepsFor(requirements, domain).flatMap(({ part, title, details }, index) => {
    const item = status.find((found) => found.part === part);
    const mark = item === undefined || item.status === 'unknown' ? ' ' : item.status === 'ok' ? '✓' : '✗';
    const note = item === undefined || item.status === 'ok' ? [] : [`→ ${item.description}`];
    return [`[${mark}] ${index + 1}. ${title}`, ...[...details, ...note].map((line) => `       ${line}`)];
  });
}

function stepsFor(requirements: Requirements, domain: string): Step[] {
  const { events, eventsV1, callbacks, unknown } = requirements;
  const scopes = requestedScopes(requirements);
  const mode = [
    'Subscription mode: "Receive events through persistent connection". Save while npm start -- --long-connection runs.',
    'For the deployed webhook, set the URL that npx serverless deploy prints instead.',
  ];
  return [
    {
      part: 'credentials',
      title: `Create a custom app at ${domain}/app`,
      details: [
        'Copy the App ID and the App Secret from "Credentials & Basic Info" into .env:',
        'FEISHU_APP_ID=cli_…',
        'FEISHU_APP_SECRET=…',
        `FEISHU_DOMAIN=${domain}`,
      ],
    },
    { part: 'bot', title: 'Add the feature "Bot" under "Add Features"', details: [] },
    {
      part: 'scopes',
      title: 'Add the scopes under "Permissions & Scopes"',
      details: [
        'Import them with "Batch import":',
        JSON.stringify({ scopes: { tenant: scopes, user: [] } }),
        ...unknown.map((name) => `The page of ${name} in the documents lists the scopes it needs.`),
      ],
    },
    {
      part: 'events',
      title: 'Subscribe under "Events & Callbacks", "Event Configuration"',
      details: [
        ...mode,
        ...(events.length + eventsV1.length === 0 ? [] : [`Events: ${[...events, ...eventsV1].join(', ')}`]),
      ],
    },
    ...(callbacks.length === 0
      ? []
      : [
          {
            part: 'callbacks' as const,
            title: 'Subscribe under "Events & Callbacks", "Callback Configuration"',
            details: ['Choose the same mode.', `Callbacks: ${callbacks.join(', ')}`],
          },
        ]),
    { part: 'version', title: 'Create and publish a version under "Version Management & Release"', details: [] },
  ];
}
