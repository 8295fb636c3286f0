/** Marks what was changed while the window had no connection. */
export const Late = () => (
  <span class="late" title="Changed while this window had no connection">
    caught up
  </span>
);
