// Skygear's own SDK, unmodified, against a running host. Usage: node skygear.mjs BASE_URL [SETUP_LINK]
// Letters are read from the site's /dev/mail.json (Development). With the link for the first administrator, from the box at a first
// start, the administrator's calls are made too. Prints one line a call; exits 1 where one does not do what it should.
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
const skygear = createRequire(import.meta.url)('skygear');

const [base, setup] = process.argv.slice(2);
const { ErrorCodes } = skygear;
const unique = Date.now().toString(36);
const [name, email, password, next] = [`ben.${unique}`, `ben-${unique}@example.com`, 'seven green bottles', 'eight brown bottles'];
let failed = false;

async function call(what, act, expected) {
  let seen;
  try {
    seen = await act();
  } catch (error) {
    seen = error?.error?.code ? `error ${error.error.code} ${error.error.name}` : error?.code ? `error ${error.code} ${error.name}` : `thrown ${error?.message ?? JSON.stringify(error)}`;
  }
  const right = typeof expected === 'function' ? expected(seen) : seen === expected;
  console.log(`${right ? 'ok   ' : 'WRONG'} ${what}: ${typeof seen === 'string' ? seen : right ? 'as expected' : JSON.stringify(seen)}`);
  if (!right) failed = true;
  return seen;
}

const code = (number, named) => `error ${number} ${named}`;
const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));
async function letter(to, pattern) {
  for (let i = 0; i < 50; i++) {
    const found = (await (await fetch(`${base}/dev/mail.json?to=${encodeURIComponent(to)}`)).json()).map(mail => mail.text.match(pattern)?.[1]).find(text => text);
    if (found) return found;
    await pause(200);
  }
  throw new Error(`no letter to ${to}`);
}
const raw = async (action, body, token) => {
  const answer = await fetch(`${base}/${action.replace(/:/g, '/')}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ action, api_key: 'any', access_token: token, ...body }),
  });
  return (await answer.json()).error?.code ?? answer.status;
};

await skygear.config({ endPoint: `${base}/`, apiKey: 'any' });
const changes = [];
const observer = skygear.auth.onUserChanged(user => changes.push(user ? 'user' : 'nobody'));

await call('signupWithUsername', () => skygear.auth.signupWithUsername(name, password), user => user.username === name && user._id);
const id = skygear.auth.currentUser._id;
await call('currentUser, accessToken', () => skygear.auth, auth => auth.currentUser.username === name && auth.accessToken.split('.').length === 3);
await call('signupWithUsername, taken', () => skygear.auth.signupWithUsername(name, password), code(ErrorCodes.Duplicated, 'Duplicated'));
await call('whoami', () => skygear.auth.whoami(), user => user._id === id);
await call('logout', () => skygear.auth.logout(), null);
await call('currentUser after logout', () => skygear.auth.currentUser, user => !user);
await call('signupWithEmail with profile data', () => skygear.auth.signupWithEmail(email, password, { interest: 'reading' }), user => user.email === email && user.interest === 'reading');
await call('signupWithEmail, taken', () => skygear.auth.signupWithEmail(email, password), code(ErrorCodes.Duplicated, 'Duplicated'));
await call('signupWithEmail, short password', () => skygear.auth.signupWithEmail(`x${email}`, 'short'), code(ErrorCodes.PasswordPolicyViolated, 'PasswordPolicyViolated'));
await call('loginWithUsername', () => skygear.auth.loginWithUsername(name, password), user => user._id === id);
await call('loginWithUsername, wrong password', () => skygear.auth.loginWithUsername(name, 'wrong'), code(ErrorCodes.InvalidCredentials, 'InvalidCredentials'));
await call('loginWithEmail, nobody', () => skygear.auth.loginWithEmail('nobody@example.com', 'wrong'), code(ErrorCodes.InvalidCredentials, 'InvalidCredentials'));
await call('loginWithEmail', () => skygear.auth.loginWithEmail(email, password), user => user.email === email && user.last_login_at instanceof Date);

const old = skygear.auth.accessToken;
await call('changePassword, wrong old one', () => skygear.auth.changePassword('wrong', next), code(ErrorCodes.InvalidCredentials, 'InvalidCredentials'));
await call('changePassword', () => skygear.auth.changePassword(password, next), user => user.email === email);
await call('an older token', () => raw('me', {}, old), ErrorCodes.AccessTokenNotAccepted);
await call('the new token', () => skygear.auth.whoami(), user => user.email === email);

const user = skygear.auth.currentUser;
user.username = `benjamin.${unique}`;
user.interest = 'writing';
await call('publicDB.save of the user name', () => skygear.publicDB.save(user), saved => saved.username === `benjamin.${unique}` && saved.interest === 'writing');
await call('whoami afterwards', () => skygear.auth.whoami(), saved => saved.username === `benjamin.${unique}` && saved.interest === 'writing');
user.username = name;
await call('publicDB.save of a taken user name', () => skygear.publicDB.save(user), code(ErrorCodes.Duplicated, 'Duplicated'));
user.username = `benjamin.${unique}`;
user.email = `new-${email}`;
await call('publicDB.save of the address', () => skygear.publicDB.save(user), saved => saved.email === email && saved.email_pending === `new-${email}`);
const confirm = await letter(`new-${email}`, /confirm-email-change\?token=([\w-]+)/);
// In the session that asked: the first address of an account, confirmed by anybody else, would end what was set before.
const asUser = { Authorization: `Bearer ${skygear.auth.accessToken}`, 'Content-Type': 'application/json' };
await fetch(`${base}/api/account/email/confirm`, { method: 'POST', headers: asUser, body: JSON.stringify({ token: confirm }) });
await call('whoami after it confirmed', () => skygear.auth.whoami(), saved => saved.email === `new-${email}` && saved.is_verified === true && saved.email_pending === undefined);
await call('publicDB.save of another user', () => skygear.publicDB.save(new skygear.UserRecord({ _id: `user/${id}`, username: 'stolen' })), code(ErrorCodes.PermissionDenied, 'PermissionDenied'));
await call('publicDB.save of another record', () => skygear.publicDB.save(new (skygear.Record.extend('note'))({ text: 'hello' })), code(ErrorCodes.NotSupported, 'NotSupported'));

await call('forgotPassword', () => skygear.auth.forgotPassword(`new-${email}`), answer => answer.status === 'OK');
await call('forgotPassword, nobody', () => skygear.auth.forgotPassword('nobody@example.com'), answer => answer.status === 'OK');
const reset = await letter(`new-${email}`, /reset-password\?token=([\w-]+)/);
await call('resetPassword, another user', () => skygear.auth.resetPassword(id, reset, '0', password), code(ErrorCodes.InvalidArgument, 'InvalidArgument'));
await call('resetPassword', () => skygear.auth.resetPassword(user._id, reset, '0', password), answer => answer.status === 'OK');
await call('whoami after a reset', () => skygear.auth.whoami(), code(ErrorCodes.AccessTokenNotAccepted, 'AccessTokenNotAccepted'));
await call('the SDK forgot its user', () => skygear.auth.currentUser, seen => !seen);

await call('signupWithEmail, to verify', () => skygear.auth.signupWithEmail(`v-${email}`, password), saved => saved.is_verified === false);
await call('requestVerification', () => skygear.auth.requestVerification('email'), answer => answer.status === 'OK');
await pause(3000);
const digits = await letter(`v-${email}`, /^(\d{6})$/m);
await call('verifyUserWithCode, wrong', () => skygear.auth.verifyUserWithCode(digits === '000000' ? '000001' : '000000'), code(ErrorCodes.InvalidArgument, 'InvalidArgument'));
await call('verifyUserWithCode', () => skygear.auth.verifyUserWithCode(digits), saved => saved.is_verified === true);
await call('adminDisableUser by a user', () => skygear.auth.adminDisableUser(id), code(ErrorCodes.PermissionDenied, 'PermissionDenied'));
await call('logout', () => skygear.auth.logout(), null);

await call('signupAnonymously', () => skygear.auth.signupAnonymously(), seen => seen._id && !seen.username && !seen.email);
const anonymous = skygear.auth.currentUser._id;
await call('signupWithEmail of an anonymous user', () => skygear.auth.signupWithEmail(`a-${email}`, password), seen => seen._id === anonymous && seen.email === `a-${email}`);
await call('a call without a token', () => raw('me', {}), ErrorCodes.NotAuthenticated);
await call('a call with nonsense', () => raw('me', {}, 'nonsense'), ErrorCodes.AccessTokenNotAccepted);
await call('an unknown action', () => raw('role:default', { roles: [] }), ErrorCodes.UndefinedOperation);
await call('onUserChanged was called', () => changes, seen => seen.includes('user') && seen.includes('nobody'));
observer.cancel();

if (setup) {
  // The page makes the first administrator; a browser's form, sent by hand.
  const opened = await fetch(setup, { redirect: 'manual' });
  const cookies = opened.headers.getSetCookie().map(cookie => cookie.split(';')[0]);
  const page = await fetch(`${base}/admin/setup`, { headers: { Cookie: cookies.join('; ') } });
  const all = [...cookies, ...page.headers.getSetCookie().map(cookie => cookie.split(';')[0])].join('; ');
  const form = new URLSearchParams();
  for (const [input] of (await page.text()).matchAll(/<input[^>]*type="hidden"[^>]*>/g)) form.set(input.match(/name="([^"]*)"/)[1], (input.match(/value="([^"]*)"/) ?? ['', ''])[1]);
  form.set('email', `admin-${email}`);
  form.set('new-password', password);
  await call('the first administrator', async () => (await fetch(`${base}/admin/setup`, { method: 'POST', redirect: 'manual', headers: { Cookie: all }, body: form })).status, 303);
  await call('loginWithEmail of an administrator', () => skygear.auth.loginWithEmail(`admin-${email}`, password), seen => seen._id);
  // Administrators need two factors. Skygear knows none, so it is set up beside it, in this very session.
  const own = { Authorization: `Bearer ${skygear.auth.accessToken}`, 'Content-Type': 'application/json' };
  const { secret } = await (await fetch(`${base}/api/account/totp`, { method: 'POST', headers: own })).json();
  await call('a second factor', async () => (await fetch(`${base}/api/account/totp/confirm`, { method: 'POST', headers: own, body: JSON.stringify({ code: totp(secret) }) })).status, 200);
  await call('adminDisableUser before the new factor proved the session', () => skygear.auth.adminDisableUser(id), code(ErrorCodes.PermissionDenied, 'PermissionDenied'));
  // The code of the next step: the one that confirmed is used up.
  const raised = await fetch(`${base}/api/account/step-up`, { method: 'POST', headers: own, body: JSON.stringify({ code: totp(secret, 1) }) });
  await skygear.auth._setAccessToken((await raised.json()).accessToken);
  await call('adminDisableUser', () => skygear.auth.adminDisableUser(id), id);
  await call('fetchUserRole', () => skygear.auth.fetchUserRole([id, skygear.auth.currentUser._id]), roles => roles[id].length === 0 && roles[skygear.auth.currentUser._id][0].name === 'administrator');
  await call('assignUserRole', () => skygear.auth.assignUserRole([id], ['administrator']), 'OK');
  await call('revokeUserRole', () => skygear.auth.revokeUserRole([id], ['administrator']), 'OK');
  await call('adminEnableUser, nobody', () => skygear.auth.adminEnableUser('00000000-0000-0000-0000-000000000000'), code(ErrorCodes.ResourceNotFound, 'ResourceNotFound'));
  await call('login of a disabled user', () => skygear.auth.loginWithUsername(name, password), code(ErrorCodes.UserDisabled, 'UserDisabled'));
  await call('adminEnableUser', () => skygear.auth.adminEnableUser(id), id);
  await call('login of an enabled user', () => skygear.auth.loginWithUsername(name, password), seen => seen._id === id);
}
process.exit(failed ? 1 : 0);

// What an authenticator app shows (RFC 6238).
function totp(base32, stepsAhead = 0) {
  const bits = [...base32].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const counter = Buffer.alloc(8);
  counter.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30000) + stepsAhead));
  const mac = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map(b => parseInt(b, 2)))).update(counter).digest();
  return String((mac.readInt32BE(mac[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
}
