import { Component, type ComponentChildren } from "preact";
import { href } from "../route.ts";
import { Button } from "./button.tsx";
import { Empty } from "./require-scopes.tsx";

interface Props {
  children: ComponentChildren;
}

interface State {
  /** What was thrown, as text. */
  failure?: string | undefined;
}

/** Shows what happened in place of a page that throws while it is drawn, and a way back. */
export class Boundary extends Component<Props, State> {
  override state: State = {};

  static override getDerivedStateFromError(error: unknown): State {
    const failure = error instanceof Error ? `${error.name}: ${error.message}` : "Unknown error";
    return { failure };
  }

  override componentDidCatch(error: unknown): void {
    reportError(error); // for the browser's console
  }

  override render() {
    const { failure } = this.state;
    if (failure === undefined) return this.props.children;
    return (
      <div role="alert">
        <Empty title="This page failed">
          <code>{failure}</code>
        </Empty>
        <p class="row failure">
          <Button onClick={() => this.setState({ failure: undefined })}>Try again</Button>
          <a class="button" href={href("stock")}>
            Go to Stock
          </a>
          <Button onClick={() => location.reload()}>Load the console again</Button>
        </p>
      </div>
    );
  }
}
