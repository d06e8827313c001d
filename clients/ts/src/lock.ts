// A lock shared by the tabs of this browser. It saves requests, and nothing may rest on it: a tab that the browser froze keeps it.

/** Does the work under the lock, or without it when it cannot be had within ms. The lock is never stolen. */
export const locked = async (name: string, ms: number, work: () => Promise<void>): Promise<void> => {
  let begun: Promise<void> | undefined;
  if (ms) {
    try {
      await navigator.locks.request(name, { signal: AbortSignal.timeout(ms) }, () => (begun = work()));
    } catch {
      // No locks here, not in time (TimeoutError or AbortError), or the work failed, which is told below.
    }
  }
  return begun ?? work();
};
