import type { Resource, Template } from './serverless.ts';

/** What is known of a template before CloudFormation sees it. */
export interface TemplateValues {
  conditions: Record<string, boolean>;
  /** What a `!Ref` stands for. `undefined`: there is no such thing, as with `!Ref AWS::NoValue`. */
  values: Record<string, unknown>;
}

/** Stands for what is left out. */
const NOTHING = Symbol('nothing');

/**
 * Decides a template's conditions and puts in the known values, as CloudFormation would, but before the deployment: what
 * is switched off is then not in the stack at all, and the template shows what will be there.
 *
 * Besides, `Fn::ToJsonString` needs no transform in the stack: what is in it becomes the text of a `Fn::Sub`.
 *
 * @throws {TypeError} for a condition that is not known
 */
export function resolveTemplate(template: Template, knowledge: TemplateValues): Template {
  const holds = ({ Condition }: { Condition?: string }) =>
    Condition === undefined || decide(Condition, knowledge.conditions);
  const keep = <Part extends { Condition?: string }>(parts: Record<string, Part>) =>
    Object.fromEntries(
      Object.entries(parts)
        .filter(([, part]) => holds(part))
        .map(([name, { Condition: _, ...part }]) => [name, resolve(part, knowledge) as Part]),
    );
  const resources = keep(template.Resources);
  for (const resource of Object.values(resources)) dropDependencies(resource, resources);
  return { ...template, Resources: resources, Outputs: keep(template.Outputs ?? {}) };
}

function decide(condition: unknown, conditions: Record<string, boolean>): boolean {
  const decision = conditions[condition as string];
  if (decision === undefined) throw new TypeError(`The template has the unknown condition "${condition}"`);
  return decision;
}

/** What a resource has to wait for may have been left out, or be among what it refers to: CloudFormation sees that. */
function dropDependencies(resource: Resource, resources: Record<string, Resource>): void {
  if (resource.DependsOn === undefined) return;
  const referred = references(resource.Properties);
  const dependencies = [resource.DependsOn].flat().filter((name) => name in resources && !referred.has(name));
  if (dependencies.length > 0) resource.DependsOn = dependencies;
  else delete resource.DependsOn;
}

function references(value: unknown): Set<unknown> {
  if (typeof value !== 'object' || value === null) return new Set();
  const { Ref: name, 'Fn::GetAtt': attribute } = value as Record<string, unknown>;
  if (name !== undefined) return new Set([name]);
  if (Array.isArray(attribute)) return new Set(attribute.slice(0, 1));
  return new Set(Object.values(value).flatMap((item) => [...references(item)]));
}

function resolve(value: unknown, knowledge: TemplateValues): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, knowledge)).filter((item) => item !== NOTHING);
  if (typeof value !== 'object' || value === null) return value;
  const { 'Fn::If': choice, 'Fn::ToJsonString': json, Ref: name } = value as Record<string, unknown>;
  if (Array.isArray(choice)) {
    const [condition, whenTrue, whenFalse] = choice;
    return resolve(decide(condition, knowledge.conditions) ? whenTrue : whenFalse, knowledge);
  }
  if (json !== undefined) return { 'Fn::Sub': JSON.stringify(resolve(json, knowledge)) };
  if (name === 'AWS::NoValue') return NOTHING;
  if (typeof name === 'string' && name in knowledge.values) return knowledge.values[name] ?? NOTHING;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, resolve(item, knowledge)])
      .filter(([, item]) => item !== NOTHING),
  );
}
