/**
 * Returns a function that runs `draw` once in the next animation frame, however often it is called
 * before. A hidden page has no frames; there `draw` runs after 250 ms.
 */
export function oncePerFrame(draw: () => void): () => void {
  let isScheduled = false;
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    const run = () => {
      isScheduled = false;
      draw();
    };
    if (document.hidden) setTimeout(run, 250);
    else requestAnimationFrame(run);
  };
}
