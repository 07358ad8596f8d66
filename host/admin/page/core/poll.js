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

/**
 * Keep something open as long as the page is looked at: it is ended when the page is hidden, and begun again after.
 *
 * @param {(signal: AbortSignal) => Promise<void>} open goes on until its signal is given; if it ends, it is begun again
 */
export async function whileVisible(againMs, signal, open, onFault) {
  while (!signal.aborted) {
    const hidden = new AbortController();
    const look = () => document.visibilityState === "hidden" && hidden.abort();
    document.addEventListener("visibilitychange", look);
    try {
      if (document.visibilityState === "visible") await open(AbortSignal.any([signal, hidden.signal]));
    } catch (fault) {
      if (!signal.aborted && !hidden.signal.aborted) onFault(fault);
    } finally {
      document.removeEventListener("visibilitychange", look);
    }
    await new Promise((resolve) => setTimeout(resolve, againMs));
  }
}

/** Call a function once nobody has asked for it for a while. */
export function debounced(ms, action) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), ms);
  };
}
