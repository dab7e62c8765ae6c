import { DeploymentError } from './deployment-error.ts';
import type { Resource, Template } from './serverless.ts';

/** The template's conditions and values that are known before deployment. */
export interface TemplateValues {
  conditions: Record<string, boolean>;
  /** The value of each `!Ref`. `undefined` removes the property, like `!Ref AWS::NoValue`. */
  values: Record<string, unknown>;
}

interface Scope extends TemplateValues {
  /** The part of the template that is resolved, for error messages. */
  part: string;
  /** Whether CloudFormation evaluates a condition. */
  isDeclared(condition: string): boolean;
}

/** Marks a value to remove. */
const REMOVED = Symbol('removed');

const SECRET_PREFIX = 'Secret::';

const NO_VALUE = { Ref: 'AWS::NoValue' };

/**
 * Evaluates the known conditions and inserts known values before the deployment. Disabled resources are not in the stack
 * at all, and the template shows exactly what is deployed. CloudFormation evaluates the conditions that the user declares.
 * Replaces a `Fn::Sub` of `Fn::ToJsonString`, which CloudFormation does not support, with a `Fn::Sub` of the JSON text.
 *
 * @throws {DeploymentError} if a condition is neither known nor declared, or both, or a secret is unknown
 */
export function resolveTemplate(template: Template, known: TemplateValues): Template {
  const declared = template.Conditions ?? {};
  const duplicate = Object.keys(declared).find((name) => Object.hasOwn(known.conditions, name));
  if (duplicate !== undefined) {
    throw new DeploymentError(`"${duplicate}" is one of this template's conditions. Give yours another name.`);
  }
  // A macro may declare conditions.
  const isDeclared = (name: string) => Object.hasOwn(declared, name) || template.Transform !== undefined;
  const scopeOf = (part: string): Scope => ({ ...known, part, isDeclared });

  const resolveParts = <Part extends { Condition?: string }>(parts: Record<string, Part>) =>
    Object.fromEntries(
      Object.entries(parts).flatMap(([name, part]) => {
        const scope = scopeOf(name);
        const { Condition, ...unconditional } = part;
        const isEnabled = Condition === undefined ? undefined : evaluate(Condition, scope);
        if (isEnabled === false) return [];
        return [[name, resolve(isEnabled ? unconditional : part, scope) as Part]];
      }),
    );
  const resources = resolveParts(template.Resources);
  const disabled = new Set(Object.keys(template.Resources).filter((name) => !(name in resources)));
  for (const resource of Object.values(resources)) dropDependencies(resource, disabled);
  const conditions = Object.entries(declared).map(([name, condition]) => [
    name,
    resolveCondition(condition, scopeOf(name)),
  ]);
  return {
    ...template,
    ...(conditions.length > 0 && { Conditions: Object.fromEntries(conditions) }),
    Resources: resources,
    Outputs: resolveParts(template.Outputs ?? {}),
  };
}

/**
 * Evaluates the known conditions and inserts known values in a part of the template, such as a function's environment.
 * Leaves other conditions as they are.
 */
export function resolveValue<Value extends object>(value: Value, known: TemplateValues): Value {
  return resolve(value, { ...known, part: '', isDeclared: () => true }) as Value;
}

/**
 * Returns the value of a condition, `undefined` if CloudFormation evaluates it.
 *
 * @throws {DeploymentError} if nothing declares the condition
 */
function evaluate(condition: string, { conditions, isDeclared, part }: Scope): boolean | undefined {
  if (Object.hasOwn(conditions, condition)) return conditions[condition];
  if (isDeclared(condition)) return undefined;
  throw new DeploymentError(
    `${part} uses the unknown condition "${condition}". Declare it in serverless.yml under resources, Conditions, ` +
      `or use one of this template's: ${Object.keys(conditions).join(', ')}.`,
  );
}

/** Replaces the known conditions in the declaration of another one. CloudFormation has no constants: it compares texts. */
function resolveCondition(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveCondition(item, scope));
  if (typeof value !== 'object' || value === null) return value;
  const { Condition } = value as { Condition?: unknown };
  if (typeof Condition === 'string') {
    const result = evaluate(Condition, scope);
    return result === undefined ? value : { 'Fn::Equals': ['true', String(result)] };
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveCondition(item, scope)]));
}

/** Removes dependencies on disabled resources, and on those that the properties refer to anyway. */
function dropDependencies(resource: Resource, disabled: Set<string>): void {
  if (resource.DependsOn === undefined) return;
  const referenced = references(resource.Properties);
  const dependencies = [resource.DependsOn].flat().filter((name) => !disabled.has(name) && !referenced.has(name));
  if (dependencies.length > 0) resource.DependsOn = dependencies;
  else delete resource.DependsOn;
}

/** Returns the names that a value refers to under any condition. */
function references(value: unknown): Set<unknown> {
  if (typeof value !== 'object' || value === null || 'Fn::If' in value) return new Set();
  const { Ref: name, 'Fn::GetAtt': attribute } = value as Record<string, unknown>;
  if (name !== undefined) return new Set([name]);
  if (Array.isArray(attribute)) return new Set(attribute.slice(0, 1));
  return new Set(Object.values(value).flatMap((item) => [...references(item)]));
}

function resolve(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, scope)).filter((item) => item !== REMOVED);
  if (typeof value !== 'object' || value === null) return value;
  const { 'Fn::If': choice, 'Fn::Sub': substitution, Ref: name } = value as Record<string, unknown>;
  if (Array.isArray(choice)) return resolveChoice(choice, scope);
  if (typeof substitution === 'object' && substitution !== null && 'Fn::ToJsonString' in substitution) {
    return { 'Fn::Sub': JSON.stringify(resolve(substitution['Fn::ToJsonString'], scope)) };
  }
  if (typeof name === 'string' && Object.hasOwn(scope.values, name)) return scope.values[name] ?? REMOVED;
  if (typeof name === 'string' && name.startsWith(SECRET_PREFIX)) {
    throw new DeploymentError(
      `!Ref ${name} refers to an unknown secret. Add ${name.slice(SECRET_PREFIX.length)} to \`secrets\` in extensions.yml.`,
    );
  }
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, resolve(item, scope)])
      .filter(([, item]) => item !== REMOVED),
  );
}

function resolveChoice([condition, ...branches]: unknown[], scope: Scope): unknown {
  const result = evaluate(String(condition), scope);
  if (result === undefined) {
    const resolved = branches.map((branch) => resolve(branch, scope));
    return { 'Fn::If': [condition, ...resolved.map((branch) => (branch === REMOVED ? NO_VALUE : branch))] };
  }
  const chosen = resolve(branches[result ? 0 : 1], scope);
  return isNoValue(chosen) ? REMOVED : chosen;
}

function isNoValue(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'Ref' in value && value.Ref === NO_VALUE.Ref;
}
