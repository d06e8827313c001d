// A sign-out that the server has not heard of yet. What is kept is its scope, which is no secret.

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage can be switched off
  }
}

/** Reports whether it could be remembered. */
export function remember(key: string, scope: string): boolean {
  try {
    localStorage.setItem(key, scope);
    return true;
  } catch {
    return false;
  }
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // Then nothing was remembered.
  }
}
