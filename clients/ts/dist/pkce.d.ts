import type { IdpTokens } from "./index.js";
/** A provider, in the names of its own metadata (RFC 8414), and this app's registration there. */
export interface Idp {
    issuer: string;
    authorization_endpoint: string;
    token_endpoint: string;
    client_id: string;
    /** Where the provider leads back to, as it is registered: one for each provider. Default: this page, without query and fragment. */
    redirect_uri?: string;
    /** Default "openid email profile". */
    scope?: string;
    /** The provider always names itself in its answer (RFC 9207). One that does so is checked in any case. */
    authorization_response_iss_parameter_supported?: boolean;
    /** Further parameters of the authorization request: prompt, login_hint, identity_provider. */
    params?: Record<string, string>;
}
/** An Amazon Cognito user pool; domain is the host of its sign-in pages. */
export declare function cognito(pool: {
    region: string;
    user_pool: string;
    domain: string;
    client_id: string;
    redirect_uri?: string;
    scope?: string;
    params?: Record<string, string>;
}): Idp;
/** Leaves for the provider. What finish needs stays in the sessionStorage of this tab. */
export declare function begin(idp: Idp): Promise<void>;
/**
 * Reads the provider's answer off the address of this page; null when there is none. Call it at every load. Rejects with
 * state_mismatch (not begun in this tab, or finished already), issuer_mismatch (RFC 9207), idp_denied, idp_error (the token
 * endpoint refused), idp_unavailable (it did not answer, or not with JSON) or idp_token_invalid (another nonce). The
 * address is clean by then.
 */
export declare function finish(idp: Idp): Promise<IdpTokens | null>;
