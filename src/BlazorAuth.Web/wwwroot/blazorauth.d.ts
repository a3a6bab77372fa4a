/** Why the service refuses. The list only grows; `unknown` where the answer is not the service's own. */
export type AuthErrorCode =
  | "validation_failed" | "bad_json" | "payload_too_large" | "not_found" | "forbidden" | "conflict" | "rate_limited" | "unexpected_failure"
  | "invalid_credentials" | "email_not_verified" | "account_locked" | "account_disabled" | "sign_up_disabled" | "email_taken" | "username_taken"
  | "weak_password" | "common_password" | "same_password"
  | "second_factor_required" | "second_factor_invalid" | "ticket_expired" | "step_up_required" | "passkey_failed"
  | "access_token_invalid" | "access_token_expired" | "refresh_token_invalid" | "refresh_token_expired" | "refresh_token_reused"
  | "session_revoked" | "session_expired" | "password_changed"
  | "link_invalid" | "link_expired" | "link_used"
  | "unknown" | (string & {});

/** The service refused, or answered with what is not its own. What never reached it is the browser's own `TypeError`. */
export class AuthError extends Error {
  constructor(answer: Response, problem: Record<string, unknown>);
  readonly status: number;
  readonly code: AuthErrorCode;
  /** What is wrong with which field, by its JSON name. */
  readonly errors: Record<string, string[]>;
  /** Seconds to wait before the next attempt counts. */
  readonly retryAfter: number | null;
  /** Finds the request in the service's logs. */
  readonly traceId: string | null;
}

export interface User {
  id: string;
  email: string | null;
  username: string | null;
  emailVerified: boolean;
  displayName: string | null;
  avatar: string | null;
  isAnonymous: boolean;
  active: boolean;
  roles: string[];
  profile: Record<string, unknown>;
  createdAt: string;
}

export interface NewAccount {
  email?: string;
  username?: string;
  password: string;
  displayName?: string;
  profile?: Record<string, unknown>;
}

/** Done; or the first factor was right, and the ticket goes to `signInWithSecondFactor` or `signInWithRecoveryCode`. */
export type SignInResult = { user: User } | { user: null; ticket: string; methods: string[] };

export interface UserChange {
  /** Who it is now; null for nobody. */
  user: User | null;
  /** `ended`: the service ended the session, and `code` says why. */
  reason: "signedIn" | "updated" | "signedOut" | "ended";
  code: AuthErrorCode | null;
}

export interface ClientOptions {
  /** The service's address; the module's own origin where nothing is said. */
  baseUrl?: string;
  /**
   * Where the session is kept: `memory` (this page only, the default), `sessionStorage` (this tab, over reloads), `localStorage` (all
   * tabs, over restarts). What is kept in a storage is readable by every script of the origin.
   */
  storage?: "memory" | "sessionStorage" | "localStorage";
  /** APIs that may see the access token besides the service. */
  origins?: string[];
}

export interface Client {
  /** Who is signed in, as far as this tab knows without asking. */
  readonly currentUser: User | null;
  /** What the session is really kept in: `memory` where the browser forbids the other. */
  readonly storage: "memory" | "sessionStorage" | "localStorage";
  /**
   * `fetch` as the current user; a relative address is one of the service, not of the page. It adds the token for the service and the named origins, refreshes it once for all requests and tabs,
   * and tries a refused request once more, only as the user it was begun as.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Asks the service, and keeps what it says; null for nobody. */
  whoAmI(): Promise<User | null>;
  /** Calls back on every change, also of other tabs that share the session, until the returned function is called. */
  onUserChanged(tell: (change: UserChange) => void): () => void;
  /** Makes an account, and signs nobody in; null where an email decides. */
  signUp(account: NewAccount): Promise<User | null>;
  /** Makes the anonymous current user somebody's; the id stays. */
  upgrade(account: NewAccount): Promise<User | null>;
  signIn(identifier: string, password: string): Promise<SignInResult>;
  signInWithSecondFactor(ticket: string, code: string): Promise<SignInResult>;
  signInWithRecoveryCode(ticket: string, recoveryCode: string): Promise<SignInResult>;
  signInAnonymously(profile?: Record<string, unknown>): Promise<User>;
  /** Asks for a code by e-mail; answers with its ticket, for unknown addresses too. */
  sendEmailCode(email: string): Promise<string>;
  signInWithEmailCode(ticket: string, code: string): Promise<SignInResult>;
  /** `options` is for `PublicKeyCredential.parseRequestOptionsFromJSON`. */
  beginPasskey(): Promise<{ ticket: string; options: Record<string, unknown> }>;
  /** `credential` is what `toJSON()` of the browser's credential says. */
  signInWithPasskey(ticket: string, credential: unknown): Promise<SignInResult>;
  /** Ends every other session, and the API keys unless `endKeys` is false; this session goes on. */
  changePassword(currentPassword: string, newPassword: string, options?: { endKeys?: boolean }): Promise<User>;
  /** Signs out here at once, then at the service; false where it could not be told. */
  signOut(): Promise<boolean>;
}

export function createClient(options?: ClientOptions): Client;
