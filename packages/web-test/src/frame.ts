/** Gathers what happens and does it once an animation frame; in a hidden page, now and then. */
export function perFrame(run: () => void): () => void {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    const go = () => {
      due = false;
      run();
    };
    if (document.hidden) setTimeout(go, 250);
    else requestAnimationFrame(go);
  };
}
