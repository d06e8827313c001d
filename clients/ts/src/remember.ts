// A sign-out that the server has not heard of yet. What is kept is its scope, which is no secret.

/**
 * Makes the memory of a mount: asked without a scope, it says what is remembered; a scope it remembers; "" has it forget.
 * Where storage is switched off it lasts as long as the page.
 */
export const memory = (key: string) => {
  let kept: string | null = null;
  return (scope?: string): string | null => {
    kept = scope ?? kept;
    try {
      if (scope != null) {
        localStorage[scope ? "setItem" : "removeItem"](key, scope);
        kept = null; // it is there, which storage that is full refuses
      }
      return kept ?? localStorage.getItem(key); // another tab may have finished it
    } catch {
      return kept;
    }
  };
};
