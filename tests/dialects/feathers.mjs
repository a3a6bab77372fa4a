// Runs the published Feathers clients, unmodified, against a site: node feathers.mjs http://localhost:5080 [mail folder]
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { feathers } from '@feathersjs/feathers'
import rest from '@feathersjs/rest-client'
import socketio from '@feathersjs/socketio-client'
import authentication from '@feathersjs/authentication-client'
import authManagement from 'feathers-authentication-management/dist/client.js'
import { io } from 'socket.io-client'
import ioOfFeathers4 from 'socket.io-client-2'

const [base = 'http://localhost:5080', mail] = process.argv.slice(2)
const password = 'correct horse battery', second = 'another horse battery'
let differences = 0, count = 0

class Storage {
  items = {}
  async getItem(key) { return this.items[key] ?? null }
  async setItem(key, value) { return (this.items[key] = value) }
  async removeItem(key) { delete this.items[key] }
}

const address = () => `${Date.now()}${count++}@example.com`
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds))

function overRest() {
  const app = feathers().configure(rest(base).fetch(fetch))
  return Object.assign(app.configure(authentication({ storage: new Storage() })), { end() {} })
}

function overSocket(transports, connect = io) {
  const socket = connect(base, { transports, forceNew: true, reconnectionDelay: 100 })
  const app = feathers().configure(socketio(socket, { timeout: 10000 }))
  return Object.assign(app.configure(authentication({ storage: new Storage() })), { socket, end: () => socket.close() })
}

async function check(name, call, expected) {
  let told
  try {
    const result = await call()
    told = expected(result) === true ? 'as expected' : `DIFFERENT: ${JSON.stringify(result)}`
  } catch (error) {
    told = expected.length !== 1 && expected(undefined, error) === true ? `as expected (${error.name} ${error.code})` : `DIFFERENT: ${error.name} ${error.code} ${error.message}`
  }
  if (told.startsWith('DIFFERENT')) differences++
  console.log(`${name}: ${told}`)
}

const refused = (name, code) => (_, error) => error?.name === name && error.code === code && typeof error.className === 'string'
const token = app => app.authentication.getAccessToken()

async function journey(how, make) {
  const app = make(), users = app.service('users'), email = address()
  const say = (name, call, expected) => check(`${how} ${name}`, call, expected)
  let id
  await say('users.create', () => users.create({ email, password, nick: 'ada' }), made => (id = made.id) && made.email === email && made.nick === 'ada' && !('password' in made))
  await say('users.create, taken', () => users.create({ email, password }), refused('Conflict', 409))
  await say('users.create, weak', () => users.create({ email: address(), password: 'x' }), refused('BadRequest', 400))
  await say('users.get before sign-in', () => users.get(id), refused('NotAuthenticated', 401))
  await say('reAuthenticate without a token', () => app.reAuthenticate(), refused('NotAuthenticated', 401))
  await say('authenticate, wrong password', () => app.authenticate({ strategy: 'local', email, password: 'wrong horse' }), (_, e) => refused('NotAuthenticated', 401)(_, e) && e.message === 'Invalid login')
  await say('authenticate, unknown user', () => app.authenticate({ strategy: 'local', email: address(), password: 'wrong horse' }), (_, e) => refused('NotAuthenticated', 401)(_, e) && e.message === 'Invalid login')
  await say('authenticate, unknown strategy', () => app.authenticate({ strategy: 'github' }), refused('NotAuthenticated', 401))
  await say('authenticate local', () => app.authenticate({ strategy: 'local', email, password }), auth => auth.user.id === id && auth.authentication.payload.sub === id && auth.accessToken.length > 100)
  const refreshToken = (await app.get('authentication')).refreshToken
  await say('reAuthenticate', () => app.reAuthenticate(true), auth => auth.user.id === id && auth.authentication.strategy === 'jwt')
  await say('users.get', () => users.get(id), user => user.id === id)
  await say('users.get me', () => users.get('me'), user => user.id === id)
  await say('users.find', () => users.find({ query: { $limit: 5 } }), page => page.total === 1 && page.limit === 5 && page.skip === 0 && page.data[0].id === id)
  await say('users.get of another', () => users.get('019db5a4-0000-7000-8000-000000000000'), refused('Forbidden', 403))
  await say('users.patch', () => users.patch(id, { displayName: 'Ada', nick: 'countess' }), user => user.displayName === 'Ada' && user.nick === 'countess')
  await say('users.update', () => users.update(id, { email, nick: 'lovelace' }), user => user.displayName === null && user.nick === 'lovelace')
  await say('users.patch email without password', () => users.patch(id, { email: address() }), refused('BadRequest', 400))
  await say('users.patch email', () => users.patch(id, { email: address(), password }), user => user.email === email)
  await say('users.patch of many', () => users.patch(null, { nick: 'all' }), refused('MethodNotAllowed', 405))
  await say('authenticate refresh', () => app.authenticate({ strategy: 'refresh', refreshToken }), auth => auth.user.id === id && auth.refreshToken !== refreshToken)
  await say('users.patch password', async () => {
    const user = await users.patch(id, { oldPassword: password, password: second })
    const old = await token(app)
    const refusal = await app.authenticate({ strategy: 'jwt', accessToken: old }).then(() => null, e => e)
    return { user, refusal, left: await token(app) }
  }, ({ user, refusal, left }) => user.accessToken.length > 100 && refusal?.code === 401 && left === null)
  await say('authenticate by the new password', () => app.authenticate({ strategy: 'local', email, password: second }), auth => auth.user.id === id)
  const last = await token(app)
  await say('logout', () => app.logout(), auth => auth.user.id === id)
  await say('the token after logout', () => app.authenticate({ strategy: 'jwt', accessToken: last }), refused('NotAuthenticated', 401))
  await say('users.get after logout', () => users.get(id), refused('NotAuthenticated', 401))
  await say('authenticate anonymous', () => app.authenticate({ strategy: 'anonymous' }), auth => auth.user.isAnonymous === true)
  const named = `u${Date.now()}${count++}`
  await say('users.create upgrades the anonymous one', async () => [await users.create({ username: named, password }), await app.get('authentication')], ([user, auth]) => user.id === auth.user.id)
  await say('authenticate by username', () => app.authenticate({ strategy: 'local', username: named, password }), auth => auth.user.username === named)
  await say('users.remove', () => users.remove('me'), user => user.username === named)
  await say('users.get after remove', () => users.get('me'), refused('NotAuthenticated', 401))
  await management(say, app, email)
  app.end()
}

async function management(say, app, email) {
  const one = app.service('auth-management'), other = app.service('authManagement'), className = name => (_, e) => refused('BadRequest', 400)(_, e) && e.errors.$className === name
  await say('checkUnique', () => one.create({ action: 'checkUnique', value: { email } }), answer => answer === null)
  for (const who of [email, address()])
    for (const action of ['resendVerifySignup', 'sendResetPwd'])
      await say(`${action}, ${who === email ? 'known' : 'unknown'}`, () => other.create({ action, value: { email: who } }), answer => JSON.stringify(answer) === JSON.stringify({ email: who }))
  await say('verifySignupLong, bad', () => one.create({ action: 'verifySignupLong', value: 'nonsense' }), className('badParam'))
  await say('verifySignupShort, bad', () => one.create({ action: 'verifySignupShort', value: { user: { email }, token: '000000' } }), className('badParam'))
  await say('verifySignupSetPasswordLong, bad', () => one.create({ action: 'verifySignupSetPasswordLong', value: { token: 'x', password } }), className('incorrectToken'))
  await say('verifySignupSetPasswordShort, bad', () => one.create({ action: 'verifySignupSetPasswordShort', value: { user: { email }, token: '1', password } }), className('incorrectToken'))
  await say('resetPwdLong, bad', () => app.service('auth-management/reset-password-long').create({ token: 'x', password }), className('incorrectToken'))
  await say('resetPwdShort, missing', () => one.create({ action: 'resetPwdShort', value: { user: { email }, password } }), className('missingToken'))
  await say('passwordChange, wrong', () => one.create({ action: 'passwordChange', value: { user: { email }, oldPassword: 'wrong horse', password } }), className('badParams'))
  await say('passwordChange', () => one.create({ action: 'passwordChange', value: { user: { email }, oldPassword: second, password } }), user => user.email === email)
  await say('identityChange', () => app.service('auth-management/identity-change').create({ user: { email }, password, changes: { email: address() } }), user => user.email === email)
}

async function byLetters(how, make) {
  if (!mail) return
  const app = make(), users = app.service('users'), client = authManagement(app, { path: 'auth-management' })
  const say = (name, call, expected) => check(`${how} ${name}`, call, expected)
  const signIn = (email, word) => app.authenticate({ strategy: 'local', email, password: word }).then(auth => auth.user)
  const [one, two, three, moved] = [address(), address(), address(), address()]
  for (const email of [one, two, three]) await users.create({ email, password })
  await say('verifySignupLong', async () => { await client.verifySignupLong(await letter(one, 'verify-email')); return signIn(one, password) }, user => user.isVerified)
  await say('verifySignupShort', async () => { await client.verifySignupShort(await code(two), { email: two }); return signIn(two, password) }, user => user.isVerified)
  await say('verifySignupSetPasswordLong', async () => {
    await app.service('auth-management').create({ action: 'verifySignupSetPasswordLong', value: { token: await letter(three, 'verify-email'), password: second } })
    return signIn(three, second)
  }, user => user.isVerified)
  await say('sendResetPwd, resetPwdLong', async () => { await client.sendResetPwd({ email: one }); await client.resetPwdLong(await letter(one, 'reset-password'), second); return signIn(one, second) }, user => user.email === one)
  await say('sendResetPwd, resetPwdShort', async () => { await client.sendResetPwd({ email: two }); await client.resetPwdShort(await letter(two, 'reset-password'), { email: two }, second); return signIn(two, second) }, user => user.email === two)
  await say('passwordChange', async () => { await client.passwordChange(second, password, { email: two }); return signIn(two, password) }, user => user.email === two)
  await say('identityChange', async () => {
    await client.identityChange(password, { email: moved }, { email: two })
    await client.verifySignupLong(await letter(moved, 'confirm-email-change'))
    return signIn(moved, password)
  }, user => user.email === moved)
  app.end()
}

const code = to => letter(to, 'verify-email', /^(\d{6})\r?$/m)

async function letter(to, page, wanted = new RegExp(`/${page}\\?token=([\\w-]+)`)) {
  for (let tries = 0; tries < 50; tries++, await wait(200))
    for (const file of readdirSync(mail).filter(name => name.endsWith('.eml')).sort().reverse()) {
      const text = readFileSync(join(mail, file), 'utf8')
      if (text.includes(`To: ${to}`) && text.includes(`/${page}?`) && wanted.test(text)) return text.match(wanted)[1]
    }
  throw new Error(`no letter ${page} to ${to}`)
}

async function endedElsewhere(how, transports) {
  const app = overSocket(transports), email = address()
  await app.service('users').create({ email, password })
  await app.authenticate({ strategy: 'local', email, password })
  const accessToken = await token(app)
  let told = null
  app.socket.on('logout', why => { told = why })
  const closed = new Promise(done => app.socket.once('disconnect', done))
  await fetch(`${base}/authentication`, { method: 'DELETE', headers: { Authorization: accessToken } })
  await check(`${how} ended elsewhere: told and closed`, () => Promise.race([closed, wait(5000)]), reason => typeof reason === 'string' && told?.code === 401)
  for (let tries = 0; tries < 50 && await token(app); tries++) await wait(100)
  await check(`${how} ended elsewhere: the client dropped its token`, () => token(app), left => left === null)
  app.end()
}

async function reconnects(how, transports) {
  const app = overSocket(transports), email = address()
  await app.service('users').create({ email, password })
  await app.authenticate({ strategy: 'local', email, password })
  app.socket.io.engine.close()
  await new Promise(done => app.socket.once('connect', done))
  await check(`${how} after a reconnect`, async () => (await app.get('authentication')) && app.service('users').get('me'), user => user.email === email)
  await check(`${how} is carried by`, async () => { await wait(500); return app.socket.io.engine.transport.name }, name => name === transports.at(-1))
  app.end()
}

async function queriesAndEvents() {
  const [rest, socket, stranger] = [overRest(), overSocket(['websocket']), overSocket(['polling'])], email = address()
  const made = await rest.service('users').create({ email, password, nick: 'ada' })
  for (const app of [rest, socket]) await app.authenticate({ strategy: 'local', email, password })
  await check('avatar of the address', () => made.avatar, avatar => /^https:\/\/s\.gravatar\.com\/avatar\/[0-9a-f]{32}\?s=60$/.test(avatar))
  const queries = [{ $sort: { createdAt: -1 }, $limit: 5, $skip: 0 }, { $select: ['email', 'nick'] }, { email: { $in: [email, address()] } },
    { $or: [{ email }, { username: 'nobody' }] }, { email: { $ne: email } }, { createdAt: { $gt: 0 } }, { email: { $in: [address()] } }]
  for (const query of queries)
    await check(`find ${JSON.stringify(query)}`, async () => [await rest.service('users').find({ query }), await socket.service('users').find({ query })],
      ([a, b]) => JSON.stringify(a) === JSON.stringify(b) && Array.isArray(a.data))
  for (const query of [{ $where: 1 }, { email: { $regex: '.' } }, { $sort: { password: 1 } }, { $limit: -1 }])
    for (const app of [rest, socket])
      await check(`find ${JSON.stringify(query)}`, () => app.service('users').find({ query }), refused('BadRequest', 400))
  const seen = []
  for (const name of ['created', 'patched', 'updated', 'removed']) {
    socket.service('users').on(name, user => seen.push(`${name} ${user.id === made.id}`))
    stranger.service('users').on(name, () => seen.push('a stranger was told'))
  }
  await rest.service('users').patch(made.id, { nick: 'one' })
  await socket.service('users').update(made.id, { email, nick: 'two' })
  await wait(500) // events are sent a moment later, and to nobody whose session has ended meanwhile
  await rest.service('users').remove(made.id)
  await wait(1500)
  await check('events', () => seen, all => all.join() === 'patched true,updated true,removed true')
  for (const app of [socket, stranger]) app.end()
}

async function manyAtOnce(how, transports) {
  const app = overSocket(transports), users = app.service('users')
  await check(`${how} 350 calls at once`, () => Promise.allSettled(Array.from({ length: 350 }, () => users.get('me'))), all => all.every(one => one.reason?.code === 401))
  app.socket.disconnect()
  app.socket.connect()
  await check(`${how} connects again by itself`, () => users.get('me'), refused('NotAuthenticated', 401))
  const other = app.socket.io.socket('/admin')
  await check(`${how} another namespace`, () => new Promise(done => { other.on('connect_error', error => done(error.message)); other.connect() }), message => message === 'Invalid namespace')
  await check(`${how} the first one stays`, () => users.get('me'), refused('NotAuthenticated', 401))
  app.end()
}

process.on('unhandledRejection', error => { if (error?.code !== 401) throw error }) // the client's own, when a reconnect finds its token refused
await journey('rest', overRest)
await byLetters('rest', overRest)
for (const transports of [['polling'], ['polling', 'websocket'], ['websocket']]) {
  const how = transports.join('+')
  await journey(how, () => overSocket(transports))
  await byLetters(how, () => overSocket(transports))
  await reconnects(how, transports)
  await endedElsewhere(how, transports)
  await manyAtOnce(how, transports)
}
await queriesAndEvents()
// The client of Feathers 4: Engine.IO 3.
for (const transports of [['polling'], ['polling', 'websocket'], ['websocket']])
  await journey(`socket.io-client 2 ${transports.join('+')}`, () => overSocket(transports, ioOfFeathers4))
console.log(differences === 0 ? 'no differences' : `${differences} differences`)
process.exit(differences === 0 ? 0 : 1)
