// BlazorAuth in a browser: one module, no dependency. What everything is for stands in blazorauth.d.ts.

const ends = /^(refresh_token_(invalid|expired|reused)|session_(revoked|expired)|password_changed)$/;
const stale = /^access_token_(invalid|expired)$/;
const repeatable = /^(GET|HEAD|OPTIONS|PUT|DELETE)$/;
const longestWait = 5;
// The service gives the same successor for ten seconds: a lost answer must be noticed early enough to ask again.
const patience = [4000, 4000, 20000];

export class AuthError extends Error {
  constructor(answer, problem) {
    super([problem.title, problem.detail].filter(Boolean).join(" ") || `The service answered ${answer.status}.`);
    this.name = "AuthError";
    this.status = answer.status;
    this.code = typeof problem.code === "string" ? problem.code : "unknown";
    this.errors = problem.errors ?? {};
    this.traceId = problem.traceId ?? null;
    this.retryAfter = retryAfter(answer);
  }
}

export function createClient({ baseUrl = new URL(import.meta.url).origin, storage = "memory", origins = [] } = {}) {
  const site = new URL(baseUrl.replace(/\/*$/, "/")), base = new URL("api/", site);
  const trusted = new Set([base, ...origins].map(address => new URL(address).origin));
  const key = `blazorauth:${base}`;
  const kept = openStore(storage);
  const observers = new Set();
  // A duplicated tab begins with a copy of this one's session.
  const channel = kept.name === "sessionStorage" && globalThis.BroadcastChannel ? new BroadcastChannel(key) : null;
  let current = whole(load());
  let refreshing = null;
  let queue = Promise.resolve();

  if (kept.shared) addEventListener("storage", event => (event.key ?? key) === key && follow());
  if (channel) channel.onmessage = ({ data }) => current?.sessionId === data.sessionId && put(data.next, data.reason, data.code, false);

  function openStore(name) {
    const shared = name === "localStorage";
    if (!shared && name !== "sessionStorage") return { name: "memory" };
    try {
      return { name, shared, disk: globalThis[name] };
    } catch {
      return { name: "memory" }; // a browser that forbids it; client.storage tells
    }
  }

  function load() {
    try {
      return JSON.parse(kept.disk?.getItem(key) ?? null);
    } catch (fault) {
      if (fault instanceof SyntaxError) return null;
      throw fault;
    }
  }

  function whole(found) {
    return found?.accessToken && found.refreshToken && found.sessionId && found.user?.id ? found : null;
  }

  // What other tabs have written in the meantime, as a change of this one.
  function follow() {
    if (!kept.shared) return;
    const found = load();
    change(whole(found), found?.reason, found?.code);
  }

  function put(next, reason, code, tell = true) {
    const sessionId = current?.sessionId;
    if (next) kept.disk?.setItem(key, JSON.stringify(next));
    else if (code) kept.disk?.setItem(key, JSON.stringify({ reason, code })); // for the other tabs to tell
    else kept.disk?.removeItem(key);
    if (tell) channel?.postMessage({ sessionId, next, reason, code });
    change(next, reason, code);
  }

  function change(next, reason, code) {
    const before = current;
    current = next;
    if (JSON.stringify(before?.user) === JSON.stringify(next?.user)) return;
    reason ??= !next ? "signedOut" : before?.user.id === next.user.id ? "updated" : "signedIn";
    for (const tell of [...observers]) {
      try {
        tell({ user: next?.user ?? null, reason, code: code ?? null });
      } catch (fault) {
        reportError(fault); // and the others still hear
      }
    }
  }

  // One at a time in all tabs, where the browser can; else in this one, and the leeway of the service does the rest.
  async function inTurn(act) {
    const { locks } = navigator;
    if (!locks) return queue = queue.then(act, act);
    const before = current?.accessToken;
    const done = await locks.request(key, { ifAvailable: true }, async lock => lock && { of: await act() });
    if (done) return done.of;
    return locks.request(key, async () => {
      // Browsers pass a lock on faster than what its holder has written.
      for (let i = 0; kept.shared && i < 20 && current?.accessToken === before; i++) {
        await sleep(15);
        follow();
      }
      return act();
    });
  }

  function post(path, body, options) {
    return fetch(new URL(path, base), {
      method: "POST", credentials: "omit", redirect: "error", ...options,
      headers: { "Content-Type": "application/json", ...options?.headers }, body: JSON.stringify(body),
    });
  }

  function session({ accessToken, refreshToken, sessionId, expiresIn, user }) {
    const issuedAt = Date.now();
    return { accessToken, refreshToken, sessionId, user, issuedAt, expiresAt: issuedAt + expiresIn * 1000 };
  }

  async function tokensOf(answer) {
    const tokens = await read(answer);
    if (!whole(tokens) || !(tokens.expiresIn > 0)) throw new AuthError(answer, {});
    return session(tokens);
  }

  async function begin(path, body) {
    const answer = await post(path, body);
    if (answer.status === 401) {
      const problem = await problemOf(answer);
      if (problem.code !== "second_factor_required") throw new AuthError(answer, problem);
      return { user: null, ticket: problem.ticket, methods: problem.methods ?? [] };
    }
    const next = await tokensOf(answer);
    put(next, "signedIn");
    return { user: next.user };
  }

  // A pair that arrives for a session that is no longer kept is thrown away.
  function renew(before, next) {
    follow();
    if (current?.sessionId !== before.sessionId) return null;
    put(next, "updated");
    return next;
  }

  function refresh(begun) {
    return refreshing ??= inTurn(() => exchange(begun)).finally(() => refreshing = null);
  }

  async function exchange(begun) {
    follow();
    if (current?.user.id !== begun.user.id) return null;
    if (current.accessToken !== begun.accessToken) return current;
    for (let attempt = 0, last = patience.length - 1; ; attempt++) {
      try {
        const answer = await post("token/refresh", { refreshToken: begun.refreshToken }, { signal: AbortSignal.timeout(patience[attempt]) });
        // A gateway that gave up may have passed the request on.
        if (attempt < last && (answer.status === 502 || answer.status === 504)) continue;
        return renew(begun, await tokensOf(answer));
      } catch (fault) {
        if (fault instanceof AuthError) {
          if (fault.status !== 401 || !ends.test(fault.code)) throw fault;
          if (current?.refreshToken === begun.refreshToken) put(null, "ended", fault.code);
          return null;
        }
        if (attempt === last) throw fault; // lost on the way there or back until here: the same token gets the same successor
      }
    }
  }

  async function fresh() {
    follow();
    const begun = current;
    if (!begun || Date.now() < begun.expiresAt - Math.min(30_000, (begun.expiresAt - begun.issuedAt) / 10)) return begun;
    try {
      const next = await refresh(begun);
      return next?.user.id === begun.user.id ? next : begun;
    } catch {
      return begun; // what fails here shows in the request itself
    }
  }

  // What to try again with after a 401; null where the refusal stands. A request is never tried again as somebody else.
  async function afterRefusal(begun, code) {
    let next = null;
    if (code && ends.test(code)) {
      next = await inTurn(() => {
        follow();
        if (current?.accessToken !== begun.accessToken) return current;
        put(null, "ended", code);
        return null;
      });
    } else if (!code || stale.test(code)) {
      follow();
      const settled = Math.min(5000, (begun.expiresAt - begun.issuedAt) / 2);
      if (current?.accessToken !== begun.accessToken) next = current;
      // An API that refuses every token must not make every request a refresh.
      else if (Date.now() - begun.issuedAt >= settled) next = await refresh(begun);
    }
    return next?.user.id === begun.user.id ? next : null;
  }

  // Sends with a token, and once more where the token was refused, or where a short wait is asked for.
  async function authorized(send, method, isOurs) {
    const begun = await fresh();
    const answer = await patient(send, begun?.accessToken, method);
    if (answer.status !== 401 || !begun || answer.redirected) return answer;
    const next = await afterRefusal(begun, isOurs ? (await problemOf(answer)).code ?? "unknown" : null);
    return next ? patient(send, next.accessToken, method) : answer;
  }

  async function patient(send, token, method) {
    const answer = await send(token);
    const wait = answer.status === 429 || answer.status === 503 ? retryAfter(answer) : null;
    if (wait === null || wait > longestWait || !repeatable.test(method) || answer.redirected) return answer;
    await sleep(wait * 1000);
    return send(token);
  }

  async function authorizedFetch(input, init) {
    // Relative addresses are the service's, wherever the page comes from.
    const request = new Request(input instanceof Request ? input : new URL(input, site), init);
    const { origin } = new URL(request.url);
    if (!trusted.has(origin) || request.headers.has("Authorization")) return fetch(request);
    return authorized(token => {
      const copy = request.clone(); // the body can be read once
      if (token) copy.headers.set("Authorization", `Bearer ${token}`);
      return fetch(copy);
    }, request.method, origin === base.origin);
  }

  const bearer = token => token ? { Authorization: `Bearer ${token}` } : {};

  async function whoAmI() {
    follow();
    const asked = current;
    if (!asked) return null;
    const answer = await authorizedFetch(new URL("account", base), { credentials: "omit" });
    if (answer.status === 401 && current?.sessionId !== asked.sessionId) return current?.user ?? null;
    return update(await read(answer));
  }

  function update(user) {
    follow();
    if (current?.user.id === user.id) put({ ...current, user }, "updated");
    return user;
  }

  return {
    get currentUser() { return current?.user ?? null; },
    storage: kept.name,
    fetch: authorizedFetch,
    whoAmI,

    onUserChanged(tell) {
      const observer = change => tell(change);
      observers.add(observer);
      return () => void observers.delete(observer);
    },

    async signUp(account) {
      const answer = await post("account", account);
      return answer.status === 202 ? null : read(answer);
    },

    async upgrade(account) {
      // The route takes anyone: a token that has just died would make a stranger's account instead.
      if (!(await whoAmI())?.isAnonymous) throw new TypeError("Only an anonymous user can be upgraded.");
      const answer = await authorized(token => post("account", account, { headers: bearer(token) }), "POST", true);
      return answer.status === 202 ? null : update(await read(answer));
    },

    signIn: (identifier, password) => begin("token", { identifier, password }),
    signInWithSecondFactor: (ticket, code) => begin("token/second-factor", { ticket, code }),
    signInWithRecoveryCode: (ticket, recoveryCode) => begin("token/second-factor", { ticket, recoveryCode }),
    signInWithEmailCode: (ticket, code) => begin("token/email-code/verify", { ticket, code }),
    signInWithPasskey: (ticket, credential) => begin("token/passkey", { ticket, credential }),
    signInAnonymously: async profile => (await begin("token/anonymous", { profile })).user,
    sendEmailCode: async email => (await read(await post("token/email-code", { email }))).ticket,
    beginPasskey: async () => read(await post("token/passkey/options", {})),

    async changePassword(currentPassword, newPassword, { endKeys = true } = {}) {
      follow();
      const before = current;
      if (!before) throw new TypeError("Nobody is signed in.");
      let next;
      const answer = await authorized(token => inTurn(async () => {
        const sent = await post("account/password", { currentPassword, newPassword, endKeys }, { headers: bearer(token) });
        if (sent.ok) renew(before, next = await tokensOf(sent));
        return sent;
      }), "POST", true);
      if (!next) throw new AuthError(answer, await problemOf(answer));
      return next.user;
    },

    async signOut() {
      follow();
      if (!current) return true;
      const { refreshToken } = current;
      put(null, "signedOut");
      try {
        return (await post("token/revoke", { refreshToken }, { keepalive: true })).ok;
      } catch {
        return false; // offline: forgotten here, and the service was not told
      }
    },
  };
}

const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));

async function read(answer) {
  if (!answer.ok) throw new AuthError(answer, await problemOf(answer));
  return await jsonOf(answer) ?? Promise.reject(new AuthError(answer, {}));
}

async function problemOf(answer) {
  return await jsonOf(answer.clone()) ?? {};
}

// An object, or null for anything else (a hotel's sign-in page, say). A body that breaks off is a lost answer, and thrown.
async function jsonOf(answer) {
  try {
    const body = await answer.json();
    return typeof body === "object" ? body : null;
  } catch (fault) {
    if (fault instanceof SyntaxError) return null;
    throw fault;
  }
}

function retryAfter(answer) {
  const asked = answer.headers.get("Retry-After");
  if (!asked) return null;
  const seconds = /^\d+$/.test(asked) ? Number(asked) : (Date.parse(asked) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? null : Math.max(0, seconds);
}
