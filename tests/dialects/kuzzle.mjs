// The published kuzzle-sdk, unmodified, over HTTP and WebSocket: node kuzzle.mjs http://localhost:5080
// One line a call; ends with 1 where an answer is not what a program written for Kuzzle expects.
import kuzzleSdk from "kuzzle-sdk";
import WebSocketClient from "ws";

const { Http, Kuzzle, WebSocket } = kuzzleSdk;
const site = new URL(process.argv[2] ?? "http://localhost:5080");
const port = Number(site.port || (site.protocol === "https:" ? 443 : 80));
const password = "correct horse battery";
let failed = 0;

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function step(name, act, expected = () => true) {
  try {
    const answer = await act();
    const good = expected(answer);
    if (!good) failed++;
    console.log(`${good ? "ok  " : "DIFF"} ${name}${good ? "" : " " + JSON.stringify(answer)}`);
    return answer;
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${error.id ?? ""} ${error.message}`);
    return null;
  }
}

const refused = (name, id, act) => step(name, () => act().then((answer) => ({ answer }), (error) => error), (error) => error.id === id);

const within = (milliseconds, promise) => Promise.race([promise, wait(milliseconds).then(() => "nothing came")]);

async function speak(protocol, make) {
  const kuzzle = new Kuzzle(make());
  const events = [];
  for (const event of ["loginAttempt", "logoutAttempt", "tokenExpired", "disconnected", "reconnected"]) kuzzle.on(event, () => events.push(event));
  const on = (name) => `${protocol} ${name}`;
  const name = `jane${Date.now().toString(36)}${protocol}`;

  await step(on("connect"), () => kuzzle.connect(), () => true);
  await step(on("security:createRestrictedUser"), () => kuzzle.query({ controller: "security", action: "createRestrictedUser",
    body: { content: { city: "Lyon", likes: { tea: true } }, credentials: { local: { username: name, password } } } }),
  (r) => r.result._id && r.result._source.city === "Lyon" && r.result._source.profileIds[0] === "default");
  await refused(on("createRestrictedUser, a taken name"), "security.user.already_exists", () => kuzzle.query({ controller: "security",
    action: "createRestrictedUser", _id: "mine", body: { content: {}, credentials: { local: { username: name, password } } } }));
  await refused(on("login, a wrong password"), "plugin.strategy.missing_user", () => kuzzle.auth.login("local", { username: name, password: "wrong wrong" }));
  await refused(on("login, a name nobody has"), "plugin.strategy.missing_user", () => kuzzle.auth.login("local", { username: `x${name}`, password }));
  await refused(on("login, for ever"), "security.token.ttl_exceeded", () => kuzzle.auth.login("local", { username: name, password }, -1));
  await refused(on("login, another strategy"), "security.credentials.unknown_strategy", () => kuzzle.auth.login("ldap", { username: name, password }));
  await refused(on("updateSelf, not logged in"), "security.rights.unauthorized", () => kuzzle.auth.updateSelf({ a: 1 }));
  await step(on("getCurrentUser, not logged in"), () => kuzzle.auth.getCurrentUser(), (user) => user._id === "-1");
  await step(on("checkToken, not logged in"), () => kuzzle.auth.checkToken(), (r) => r.valid && r.kuid === "-1");

  // kourou auth:login -a strategy=local -a username=… -a password=…
  await step(on("login as kourou sends it"), () => kuzzle.query({ controller: "auth", action: "login", strategy: "local", username: name, password }),
    (r) => r.result.jwt && r.result.ttl === 3600000);

  const jwt = await step(on("login"), () => kuzzle.auth.login("local", { username: name, password }, "6d"), (token) => token.split(".").length === 3);
  await step(on("the token says whose it is and until when"), async () => kuzzle.auth.authenticationToken,
    (token) => token.userId && !token.expired && Math.abs(token.expiresAt * 1000 - Date.now() - 6 * 86400e3) < 10e3);
  await step(on("getCurrentUser"), () => kuzzle.auth.getCurrentUser(), (user) => user._id === kuzzle.auth.authenticationToken.userId && user.content.city === "Lyon");
  await step(on("checkToken"), () => kuzzle.auth.checkToken(), (r) => r.valid && r.kuid === kuzzle.auth.authenticationToken.userId);
  await step(on("checkToken, another text"), () => kuzzle.auth.checkToken("a.b.c"), (r) => r.valid === false && typeof r.state === "string");
  await step(on("getStrategies"), () => kuzzle.auth.getStrategies(), (list) => list.join() === "local");
  await step(on("getMyRights"), () => kuzzle.auth.getMyRights(), (rights) => rights.some((r) => r.controller === "auth" && r.action === "updateSelf" && r.value === "allowed"));
  await step(on("checkRights, an action there is"), () => kuzzle.auth.checkRights({ controller: "auth", action: "updateSelf" }), (allowed) => allowed === true);
  await step(on("checkRights, one there is not"), () => kuzzle.auth.checkRights({ controller: "document", action: "create" }), (allowed) => allowed === false);
  await step(on("updateSelf"), () => kuzzle.auth.updateSelf({ likes: { coffee: false } }),
    (user) => user.content.city === "Lyon" && user.content.likes.tea === true && user.content.likes.coffee === false);
  await refused(on("updateSelf, profileIds"), "api.assert.forbidden_argument", () => kuzzle.auth.updateSelf({ profileIds: ["admin"] }));
  await step(on("getMyCredentials"), () => kuzzle.auth.getMyCredentials("local"), (c) => c.username === name && c.kuid);
  await step(on("credentialsExist"), () => kuzzle.auth.credentialsExist("local"), (exist) => exist === true);
  await step(on("validateMyCredentials"), () => kuzzle.auth.validateMyCredentials("local", { username: name, password }), (valid) => valid === true);
  await refused(on("validateMyCredentials, a weak one"), "security.credentials.rejected", () => kuzzle.auth.validateMyCredentials("local", { username: name, password: "short" }));
  await refused(on("createMyCredentials, there are some"), "security.credentials.rejected", () => kuzzle.auth.createMyCredentials("local", { username: name, password }));
  await refused(on("deleteMyCredentials, the only ones"), "security.credentials.rejected", () => kuzzle.auth.deleteMyCredentials("local"));
  await step(on("updateMyCredentials, the name"), () => kuzzle.auth.updateMyCredentials("local", { username: `${name}2` }), (c) => c.username === `${name}2`);

  const key = await step(on("createApiKey"), () => kuzzle.auth.createApiKey("deploys", { expiresIn: "30d" }),
    (k) => k._source.token.startsWith("kapikey-") && k._source.ttl === 30 * 86400e3 && k._source.fingerprint.length === 64);
  await step(on("searchApiKeys"), () => kuzzle.auth.searchApiKeys({ match: { description: "deploys" } }),
    (r) => r.total === 1 && r.hits[0]._id === key._id && r.hits[0]._source.token === undefined);
  const robot = new Kuzzle(make());
  await robot.connect();
  robot.jwt = key._source.token;
  await step(on("getCurrentUser with an API key"), () => robot.auth.getCurrentUser(), (user) => user._id === key._source.userId);
  await refused(on("refreshToken with an API key"), "security.token.refresh_forbidden", () => robot.auth.refreshToken());
  await step(on("deleteApiKey"), () => kuzzle.auth.deleteApiKey(key._id), () => true);
  await refused(on("getCurrentUser with a deleted API key"), "security.token.invalid", () => robot.auth.getCurrentUser());
  robot.disconnect();

  await step(on("refreshToken"), () => kuzzle.auth.refreshToken({ expiresIn: "2h" }), (r) => r.jwt !== jwt && r.ttl === 7200e3 && r._id);
  await step(on("getCurrentUser with the next token"), () => kuzzle.auth.getCurrentUser(), (user) => user.content.city === "Lyon");
  const changed = await step(on("updateMyCredentials, the password"), () => kuzzle.query({ controller: "auth", action: "updateMyCredentials", strategy: "local",
    password, body: { password: "quite another password" } }), (r) => r.result.username === `${name}2` && r.result.jwt);
  kuzzle.jwt = changed.result.jwt;
  await step(on("getCurrentUser after it"), () => kuzzle.auth.getCurrentUser(), (user) => user._id !== "-1");
  await step(on("logout"), () => kuzzle.auth.logout(), () => kuzzle.auth.authenticationToken === null && events.includes("logoutAttempt"));
  await step(on("getCurrentUser after the logout"), () => kuzzle.auth.getCurrentUser(), (user) => user._id === "-1");

  const login = (who) => who.auth.login("local", { username: `${name}2`, password: "quite another password" });
  const other = new Kuzzle(make());
  await other.connect();
  await step(on("login, two clients"), () => Promise.all([login(kuzzle), login(other)]), (tokens) => tokens[0] !== tokens[1]);
  const told = new Promise((resolve) => kuzzle.once("tokenExpired", () => resolve("tokenExpired")));
  await step(on("logout, global"), () => other.query({ controller: "auth", action: "logout", global: true }), (r) => r.result.acknowledged);
  if (protocol === "http") await refused(on("a request with the ended token"), "security.token.invalid", () => kuzzle.auth.getMyRights());
  await step(on("tokenExpired after another client's global logout"), () => within(3000, told), (event) => event === "tokenExpired");
  other.disconnect();

  if (protocol === "ws") {
    await login(kuzzle);
    await wait(1100); // the client tells of an expired token once a second
    const over = new Promise((resolve) => kuzzle.once("tokenExpired", () => resolve("tokenExpired")));
    await step(on("login, expiresIn 1000"), () => kuzzle.auth.login("local", { username: `${name}2`, password: "quite another password" }, 1000));
    await step(on("tokenExpired at the token's end"), () => within(5000, over), (event) => event === "tokenExpired");
    await step(on("the socket stays, for nobody"), () => kuzzle.auth.getCurrentUser(), (user) => user._id === "-1");
    await wait(5000); // more than two of the client's own pings
    await step(on("keep-alive"), async () => events, (list) => !list.includes("disconnected") && !list.includes("reconnected"));
  }
  kuzzle.disconnect();
}

async function frames() {
  const socket = new WebSocketClient(`ws://${site.hostname}:${port}/_kuzzle`);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const ask = (text) => new Promise((resolve) => {
    socket.once("message", (data) => resolve(JSON.parse(data)));
    socket.send(text);
  });
  await step("frame keep-alive of browsers", () => ask('{"p":1}'), (r) => r.p === 2 && Object.keys(r).length === 1);
  await step("frame without an id", () => ask('{"controller":"auth","action":"getCurrentUser"}'), (r) => r.status === 200 && r.room === r.requestId);
  await step("frame that is no JSON", () => ask("hello"), (r) => r.status === 400 && r.error.id === "network.websocket.unexpected_error");
  await step("frame for another controller", () => ask('{"controller":"realtime","action":"subscribe","requestId":"1"}'), (r) => r.room === "1" && r.error.status === 404);
  socket.close();
}

console.log(`kuzzle-sdk ${new Kuzzle(new Http("localhost")).sdkVersion ?? ""} against ${site.origin}`);
await speak("http", () => new Http(site.hostname, { port, ssl: site.protocol === "https:" }));
await speak("ws", () => new WebSocket(site.hostname, { port, ssl: site.protocol === "https:" }));
await frames();
console.log(failed === 0 ? "no difference" : `${failed} differences`);
process.exit(failed === 0 ? 0 : 1);
