/** How createAuth is told about its surroundings. Everything has a default. */
export interface AuthOptions {
    /** Where Sallyport is mounted. Default "/auth". */
    baseURL?: string;
    /** Further origins that may be sent the access token. The page's and the mount's always may. */
    apiOrigins?: readonly string[];
    /**
     * How many ms before its end a token is renewed, at most: each at a random moment between half of it and all of it, lest all
     * come at once. Default 30,000; never more than a third of the token's life.
     */
    leeway?: number;
    /** How many ms to wait for the refresh of another tab. Default 5,000; 0 never waits. */
    lockTimeout?: number;
    /** In place of the global fetch. */
    fetch?: typeof fetch;
    /** In place of location.assign. */
    onRedirect?: (url: string) => void;
}
/** What the configured user view returns. */
export type User = {
    id: string;
} & Record<string, unknown>;
export type Status = "unknown" | "signed-in" | "signed-out";
/** The state at one moment. It stays the same object until something changes. */
export interface Snapshot<U> {
    readonly status: Status;
    /** null while signed out, and when the server has no user view configured. */
    readonly user: U | null;
    /** The server is out of reach: what is known is from before. */
    readonly stale: boolean;
}
/** "signed-out": somebody has left, here or in another tab; "expired": the server has ended the session. */
export type AuthEvent = "signed-in" | "refreshed" | "signed-out" | "expired" | "offline" | "online";
/**
 * The session of this browser. Every promise but that of fetch rejects with an {@link AuthError} when the server refuses or is
 * out of reach; fetch answers and fails as the global one does, and with an AuthError when it can have no token.
 */
export interface Auth<U> {
    /** Resolves once the state is known: other tabs are asked first, then the server. In an outage it waits. */
    ready(): Promise<Snapshot<U>>;
    /** The same object until something changes. */
    getSnapshot(): Snapshot<U>;
    /** Calls the listener after every change of the snapshot. The first subscriber has the state found out. */
    subscribe(listener: () => void): () => void;
    /** Calls the listener with what happens, at once and without waiting for it. Returns how to stop. */
    on(listener: (event: AuthEvent, snapshot: Snapshot<U>) => void): () => void;
    /** Resolves with the user view; rejects with invalid_credentials, rate_limited and what else sign-in/ answers. */
    signIn(credentials: {
        username: string;
        password: string;
    }): Promise<U | null>;
    /** Signs in with the ID token of a provider, which the page has obtained itself. */
    exchange(tokens: IdpTokens): Promise<U | null>;
    /** Leaves for the provider's own page; the way back leads to returnTo, by default to this very page. In an outage it stays here. */
    redirect(provider: string, returnTo?: string): void;
    /**
     * "this", the default, and "all" sign this browser out at once, and resolve also in an outage: the browser then tells the
     * server as soon as it can, and signs nobody in before. "others" changes nothing here, and rejects in an outage.
     */
    signOut(options?: {
        scope?: "this" | "others" | "all";
    }): Promise<void>;
    /**
     * An access token, null when signed out. It is good for minTTL ms, half of a token's life at most, and in an outage for
     * less; forceRefresh gets another one in any case, and rejects when it cannot.
     */
    getAccessToken(options?: {
        minTTL?: number;
        forceRefresh?: boolean;
    }): Promise<string | null>;
    /** fetch with the access token, which is sent to the allowed origins only. */
    readonly fetch: typeof fetch;
    /** Asks the server now. Resolves with "signed-out" when the session has ended. */
    refresh(): Promise<Snapshot<U>>;
    /** Every other session ends. Rejects with invalid_credentials, or with what is wrong in fields.new_password. */
    changePassword(passwords: {
        current_password: string;
        new_password: string;
    }): Promise<void>;
    readonly sessions: {
        list(): Promise<Session[]>;
        revoke(id: string): Promise<void>;
    };
    /** Stops timers, listeners and the talk with other tabs. */
    dispose(): void;
}
/** What a provider's token endpoint answers. */
export interface IdpTokens {
    id_token: string;
    access_token?: string;
    refresh_token?: string;
    expires_in?: number;
    token_type?: string;
    nonce?: string;
}
/** Where the user is signed in. Times are in UTC (RFC 3339). */
export interface Session {
    id: string;
    created_at: string;
    last_used_at: string;
    expires_at: string;
    /** "" for a password. */
    provider: string;
    /** Of the sign-in. */
    user_agent: string;
    /** Of the last use. */
    ip: string;
    current: boolean;
}
