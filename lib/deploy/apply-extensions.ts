import type { Extensions, HandlerSettings } from '../build/extensions.ts';
import { isOneEditApart } from '../util/one-edit.ts';
import { DeploymentError } from './deployment-error.ts';
import type { DeployOptions } from './options.ts';
import type { FunctionDefinition, Resource, Serverless, Template } from './serverless.ts';

type Variables = Record<string, unknown>;

/**
 * Adds the parameters in `extensions.yml` to those of the template, before the framework resolves `${param:…}`.
 *
 * Names under `default` that the template does not have are the user's own parameters.
 *
 * @param configuration changed in place
 * @throws {DeploymentError} if the name of a parameter is misspelled
 */
export function applyParameters(configuration: Serverless['configurationInput']): void {
  const { params } = (configuration.custom?.extensions ?? {}) as Partial<Extensions>;
  configuration.params ??= {};
  const known = Object.keys(configuration.params.default ?? {});
  for (const name of Object.keys(params?.default ?? {})) {
    const similar = known.find((candidate) => isOneEditApart(candidate, name));
    if (similar === undefined || known.includes(name)) continue;
    throw new DeploymentError(
      `\`params.default\` in extensions.yml contains ${name}. The parameter is ${similar}. Rename yours if you mean another one.`,
    );
  }
  for (const [stage, values] of Object.entries(params ?? {})) {
    configuration.params[stage] = { ...configuration.params[stage], ...values };
  }
}

/** @throws {DeploymentError} if callback handlers of a store app would have the client */
export function checkCallbackClient({ callbacks }: Extensions, { appType }: Pick<DeployOptions, 'appType'>): void {
  if (!callbacks.feishu || appType !== 'store') return;
  throw new DeploymentError(
    '`callbacks.feishu` in extensions.yml does not work with appType=store: the tickets of a store app are in the ' +
      "worker's table. Remove it, and call the API in the event handler of the callback's type.",
  );
}

/**
 * Applies `extensions.yml` to the functions. The framework applies its `functions` and `resources`.
 *
 * @param service changed in place
 * @param extensions with resolved variables
 * @throws {DeploymentError} if `iamStatements` would apply to no role
 */
export function applyExtensions({ functions, provider }: Serverless['service'], extensions: Extensions): void {
  const { worker, webhook, approvals } = functions;
  const { iamStatements, vpc, tags, callbacks } = extensions;
  if (worker !== undefined) {
    addVariables(worker, extensions);
    if (vpc !== undefined) worker.vpc = vpc;
  }
  if (webhook !== undefined) {
    addVariables(webhook, callbacks);
    const { FEISHU_DOMAIN } = worker?.environment ?? {};
    if (callbacks.feishu) webhook.environment = { ...webhook.environment, FEISHU_DOMAIN };
  }
  if (approvals !== undefined) addVariables(approvals, extensions.approvals);
  if (Object.keys(tags).length > 0) {
    provider.tags = { ...provider.tags, ...tags };
    provider.stackTags = { ...provider.stackTags, ...tags };
  }
  if (iamStatements.length === 0) return;
  const role = provider.iam?.role ?? {};
  if (typeof role !== 'object' || Object.keys(role).some((key) => key.includes('::'))) {
    throw new DeploymentError(
      'iamStatements in extensions.yml cannot change the existing role in provider.iam.role. Add them to that role.',
    );
  }
  const { statements = provider.iamRoleStatements ?? [] } = role as { statements?: unknown[] };
  provider.iam = { ...provider.iam, role: { ...role, statements: [...statements, ...iamStatements] } };
}

/** The template's own variables take precedence. */
function addVariables(definition: FunctionDefinition, { secrets, environment }: HandlerSettings): void {
  const references = Object.fromEntries(secrets.map((name) => [name, { Ref: `Secret::${name}` }]));
  definition.environment = { ...environment, ...references, ...definition.environment };
}

interface Container {
  Name: string;
  Environment: { Name: string; Value: unknown }[];
  Secrets: { Name: string; ValueFrom: unknown }[];
}

/**
 * Gives callback handlers their permissions, and the long connection's task also their variables: both the webhook and
 * the task run callback handlers.
 *
 * @param template changed in place
 * @param values the values of `!Ref Secret::…`
 */
export function extendCallbacks(
  { Resources: resources }: Template,
  { secrets, environment, iamStatements }: Extensions['callbacks'],
  values: Variables,
): void {
  for (const role of ['WebhookRole', 'ConnectionTaskRole']) addStatements(resources[role], 'callbacks', iamStatements);
  const containers = resources.ConnectionTask?.Properties?.ContainerDefinitions as Container[] | undefined;
  const container = containers?.find(({ Name }) => Name === 'connection');
  if (container === undefined) return;
  container.Environment.push(...Object.entries(environment).map(([Name, value]) => ({ Name, Value: toText(value) })));
  const existing = new Set(container.Secrets.map(({ Name }) => Name));
  const added = secrets.filter((name) => !existing.has(name));
  container.Secrets.push(...added.map((Name) => ({ Name, ValueFrom: values[`Secret::${Name}::Arn`] })));
}

/** Gives the modules in `functions/handlers/approvals` their permissions. */
export function extendApprovals({ Resources: resources }: Template, { iamStatements }: Extensions['approvals']): void {
  addStatements(resources.ApprovalsRole, 'approvals', iamStatements);
}

/** @param role `undefined` if the stack does not have it */
function addStatements(role: Resource | undefined, PolicyName: string, Statement: unknown[]): void {
  if (Statement.length === 0) return;
  const properties = role?.Properties as { Policies: unknown[] } | undefined;
  properties?.Policies.push({ PolicyName, PolicyDocument: { Version: '2012-10-17', Statement } });
}

/** ECS accepts only texts. */
function toText(value: unknown): unknown {
  return typeof value === 'object' ? value : String(value);
}
