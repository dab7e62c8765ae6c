import type { Resource, Template } from './serverless.ts';

/** The template's conditions and values that are known before deployment. */
export interface TemplateValues {
  conditions: Record<string, boolean>;
  /** The value of each `!Ref`. `undefined` removes the property, like `!Ref AWS::NoValue`. */
  values: Record<string, unknown>;
}

/** Marks a value to remove. */
const REMOVED = Symbol('removed');

/**
 * Evaluates a template's conditions and inserts known values before the deployment. Disabled resources are not in the
 * stack at all, and the template shows exactly what is deployed. Replaces `Fn::ToJsonString` with the text of a `Fn::Sub`,
 * so that the stack needs no transform.
 *
 * @throws {TypeError} if a condition is unknown
 */
export function resolveTemplate(template: Template, known: TemplateValues): Template {
  const isEnabled = ({ Condition }: { Condition?: string }) =>
    Condition === undefined || evaluate(Condition, known.conditions);
  const resolveEnabled = <Part extends { Condition?: string }>(parts: Record<string, Part>) =>
    Object.fromEntries(
      Object.entries(parts)
        .filter(([, part]) => isEnabled(part))
        .map(([name, { Condition: _, ...part }]) => [name, resolve(part, known) as Part]),
    );
  const resources = resolveEnabled(template.Resources);
  for (const resource of Object.values(resources)) dropDependencies(resource, resources);
  return { ...template, Resources: resources, Outputs: resolveEnabled(template.Outputs ?? {}) };
}

function evaluate(condition: unknown, conditions: Record<string, boolean>): boolean {
  const result = conditions[condition as string];
  if (result === undefined) throw new TypeError(`The template uses the unknown condition "${condition}"`);
  return result;
}

/** Removes dependencies on disabled resources, and on those that the properties refer to anyway. */
function dropDependencies(resource: Resource, resources: Record<string, Resource>): void {
  if (resource.DependsOn === undefined) return;
  const referenced = references(resource.Properties);
  const dependencies = [resource.DependsOn].flat().filter((name) => name in resources && !referenced.has(name));
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

function resolve(value: unknown, known: TemplateValues): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, known)).filter((item) => item !== REMOVED);
  if (typeof value !== 'object' || value === null) return value;
  const { 'Fn::If': choice, 'Fn::ToJsonString': json, Ref: name } = value as Record<string, unknown>;
  if (Array.isArray(choice)) {
    const [condition, whenTrue, whenFalse] = choice;
    return resolve(evaluate(condition, known.conditions) ? whenTrue : whenFalse, known);
  }
  if (json !== undefined) return { 'Fn::Sub': JSON.stringify(resolve(json, known)) };
  if (name === 'AWS::NoValue') return REMOVED;
  if (typeof name === 'string' && name in known.values) return known.values[name] ?? REMOVED;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, resolve(item, known)])
      .filter(([, item]) => item !== REMOVED),
  );
}
