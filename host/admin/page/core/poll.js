// Repeats something while the page is looked at.

/**
 * Call a function again and again until the signal is given; not while the page is hidden.
 *
 * What it throws is given to `onFault`, and it is tried again.
 */
export function every(ms, signal, action, onFault) {
  let timer = 0;
  const turn = async () => {
    if (document.visibilityState === "visible") {
      try {
        await action();
      } catch (fault) {
        if (!signal.aborted) onFault(fault);
      }
    }
    if (!signal.aborted) timer = setTimeout(turn, ms);
  };
  timer = setTimeout(turn, ms);
  signal.addEventListener("abort", () => clearTimeout(timer));
}

/** Call a function once nobody has asked for it for a while. */
export function debounced(ms, action) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), ms);
  };
}
