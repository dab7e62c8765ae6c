import { type ComponentChild, type FunctionComponent, h } from 'preact';
import { useRef } from 'preact/hooks';

/** Returns a component that is rendered again only if one of its properties has changed. */
export function memo<Props extends object>(component: FunctionComponent<Props>): FunctionComponent<Props> {
  return function Memo(props: Props) {
    const last = useRef<{ props: Props; node: ComponentChild }>(undefined);
    const isSame = last.current !== undefined && haveSameValues(last.current.props, props);
    // Preact skips a node that it has rendered before.
    const current = isSame && last.current !== undefined ? last.current : { props, node: h(component, props) };
    last.current = current;
    return current.node;
  };
}

function haveSameValues(one: object, other: object): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => Object.is(Reflect.get(one, name), Reflect.get(other, name)));
}
