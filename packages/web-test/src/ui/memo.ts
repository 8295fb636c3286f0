import { Component, type ComponentChildren, type ComponentClass } from "preact";

/**
 * A component that is drawn again only if one of its properties has changed. Not that of preact/compat,
 * whose hooks for React's names would run for each element of the console.
 */
export const memo = <Props extends object>(
  draw: (props: Props) => ComponentChildren,
): ComponentClass<Props> =>
  class extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const names = Object.keys({ ...this.props, ...next }) as (keyof Props)[];
      return names.some((name) => this.props[name] !== next[name]);
    }

    override render(props: Props): ComponentChildren {
      return draw(props);
    }
  };
