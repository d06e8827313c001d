import { createAuth } from "@sallyport/client";

/** What user_fields in sallyport.yaml says. */
export type User = { id: string; username: string; email: string };

// One for the whole app, made outside of components.
export const auth = createAuth<User>();
