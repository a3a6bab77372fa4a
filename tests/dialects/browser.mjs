// Published clients in a real browser, on a page of an origin that Api:AllowedOrigins lists: node browser.mjs SITE PAGE
// PAGE is the listed origin, http://localhost:<port>; this program serves it, opens it in Chromium, and opens it once more from an
// address that is not listed. One line a call; ends with 1 where an answer is not what a client expects. Needs chromium in the path.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [site, page] = [process.argv[2], new URL(process.argv[3])];
const feathers = "node_modules/@feathersjs/client/dist/feathers.js";
const [kuzzle, skygear] = [process.env.KUZZLE_SDK ?? "node_modules/kuzzle-sdk/dist/kuzzle.js", "node_modules/skygear-core/dist/skygear.min.js"];

// What runs in the page; it sends a line back for every call.
const script = `
const site = new URL(${JSON.stringify(site)}), unique = Date.now().toString(36), password = "correct horse battery";
async function step(name, act, expected) {
  let seen;
  try { seen = await act(); } catch (error) { seen = "thrown " + (error?.error?.message ?? error?.message ?? JSON.stringify(error)); }
  let right = false;
  try { right = expected(seen); } catch { }
  await fetch("/line", { method: "POST", body: (right ? "ok   " : "DIFF ") + name + (right ? "" : ": " + JSON.stringify(seen)) });
  return seen;
}
const { Kuzzle, Http, WebSocket: Socket } = KuzzleSDK;
async function speak(protocol, wire) {
  const client = new Kuzzle(wire), name = "jane" + unique + protocol;
  await step("kuzzle " + protocol + " connect", () => Promise.race([client.connect().then(() => "connected"), new Promise(r => setTimeout(r, 5000, "nothing"))]), r => r === "connected");
  await step("kuzzle " + protocol + " sign-up", () => client.query({ controller: "security", action: "createRestrictedUser",
    body: { content: {}, credentials: { local: { username: name, password } } } }), r => r.result._id);
  await step("kuzzle " + protocol + " login", () => client.auth.login("local", { username: name, password }), jwt => jwt.split(".").length === 3);
  await step("kuzzle " + protocol + " getCurrentUser", () => client.auth.getCurrentUser(), user => user._id && user._id !== "-1");
  await step("kuzzle " + protocol + " logout", () => client.auth.logout(), () => true);
  client.disconnect();
}
// As the cookie clients of Microsoft's standalone Blazor WebAssembly samples send it.
const identity = (path, method, body) => fetch(new URL("/identity/" + path, site), { method: method ?? "GET", credentials: "include",
  headers: { "X-Requested-With": "XMLHttpRequest", ...(body ? { "Content-Type": "application/json" } : {}) }, body: body && JSON.stringify(body) });
const status = async answer => (await answer).status;
async function cookies() {
  const person = { email: "jane-" + unique + "@example.com", password: "Seven-green-bottles7" };
  await step("cookie client, not signed in", () => status(identity("manage/info")), s => s === 401);
  await step("cookie client, register", () => status(identity("register", "POST", person)), s => s === 200);
  await step("cookie client, login?useCookies=true", () => status(identity("login?useCookies=true", "POST", person)), s => s === 200);
  await step("cookie client, manage/info", () => identity("manage/info").then(r => r.json()), info => info.email === person.email);
  await step("cookie client, roles", () => identity("roles").then(r => r.json()), roles => roles.length === 0);
  await step("cookie client, logout", () => status(identity("logout", "POST", {})), s => s === 200);
  await step("cookie client, afterwards", () => status(identity("manage/info")), s => s === 401);
}
async function records() {
  await skygear.config({ endPoint: site.href, apiKey: "any" });
  await step("skygear signupWithUsername", () => skygear.auth.signupWithUsername("ben." + unique, password), user => user.username === "ben." + unique);
  await step("skygear whoami", () => skygear.auth.whoami(), user => user.username === "ben." + unique);
  await step("skygear logout", () => skygear.auth.logout(), () => true);
  await step("skygear loginWithUsername", () => skygear.auth.loginWithUsername("ben." + unique, password), user => user.username === "ben." + unique);
}
// As the page of Feathers' guide has it, with the script that this site serves.
async function chat() {
  const client = feathers(), email = "chat-" + unique + "@example.com", seen = [];
  await step("socket.io.js is served", () => typeof io, kind => kind === "function");
  const socket = io(site.origin);
  client.configure(feathers.socketio(socket));
  client.configure(feathers.authentication({ storage: window.localStorage }));
  client.service("users").on("patched", user => seen.push(user.nick));
  await step("feathers create", () => client.service("users").create({ email, password }), user => user.avatar.startsWith("https://s.gravatar.com/avatar/"));
  await step("feathers reAuthenticate without a token", () => client.reAuthenticate().then(() => "in", () => "refused"), s => s === "refused");
  await step("feathers authenticate", () => client.authenticate({ strategy: "local", email, password }), auth => auth.user.email === email);
  await step("feathers find", () => client.service("users").find({ query: { $sort: { createdAt: -1 }, $limit: 25 } }), page => page.total === 1);
  await step("feathers patched", async () => {
    await client.service("users").patch("me", { nick: "countess" });
    for (let tries = 0; tries < 50 && !seen.length; tries++) await new Promise(r => setTimeout(r, 100));
    return seen.join();
  }, nicks => nicks === "countess");
  await step("feathers logout", () => client.logout(), auth => auth.user.email === email);
  for (const name of ["socket.io.min.js", "socket.io.esm.min.js"])
    await step(name, () => import(site.origin + "/socket.io/" + name).then(() => "loaded"), s => s === "loaded");
  socket.close();
}
const refused = act => act().then(() => "answered", () => "refused");
window.onerror = window.onunhandledrejection = event => fetch("/line", { method: "POST", body: "DIFF the page failed: " + (event.reason?.stack ?? event) });
(async () => {
  if (location.hostname !== "localhost") {
    // Not listed: whatever the browser sends, the page reads nothing and opens no socket.
    await step("another origin reads nothing", () => refused(() => identity("manage/info")), s => s === "refused");
    await step("another origin reads nothing of an unknown path", () => refused(() => fetch(new URL("/no/such/path", site))), s => s === "refused");
    await step("another origin signs nobody in", () => refused(() => identity("login?useCookies=true", "POST", { email: "a@example.com", password })), s => s === "refused");
    await step("another origin opens no socket", () => new Promise(done => {
      const socket = new WebSocket(site.href.replace("http", "ws"));
      socket.onopen = () => done("open");
      socket.onerror = () => done("refused");
    }), s => s === "refused");
  } else {
    await speak("ws", new Socket(site.hostname, { port: Number(site.port), ssl: false }));
    await speak("http", new Http(site.hostname, { port: Number(site.port), ssl: false }));
    await records();
    await cookies();
    await chat();
    await step("an unknown path", () => fetch(new URL("/no/such/path", site), { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" })
      .then(async r => [r.status, (await r.json()).code]), r => r[0] === 404 && r[1] === "not_found");
    await step("the course's login", () => fetch(new URL("/auth/login", site), { method: "POST", headers: { "content-Type": "application/json" },
      body: JSON.stringify({ email: "nobody@example.com", password }) }).then(async r => [r.status, Object.keys(await r.json()).join()]), r => r[0] === 401 && r[1] === "message");
  }
  await fetch("/done", { method: "POST" });
})();`;

const files = { "/feathers.js": () => readFileSync(feathers), "/kuzzle.js": () => readFileSync(kuzzle), "/skygear.js": () => readFileSync(skygear), "/page.js": () => script };
// Version 7 of kuzzle-sdk reads process.env, which a bundler defines.
const scripts = ["/kuzzle.js", "/skygear.js", "/feathers.js", new URL("/socket.io/socket.io.js", site).href, "/page.js"];
const html = '<!doctype html><meta charset="utf-8"><script>var process = { env: {} }</script>' + scripts.map(src => `<script src="${src}"></script>`).join("");
let finished, different = false;
const server = createServer((request, response) => {
  if (request.method === "POST") {
    let line = "";
    request.on("data", part => { line += part; }).on("end", () => {
      if (line) console.log(line);
      different ||= line.startsWith("DIFF");
      response.end();
      if (request.url === "/done") finished(true);
    });
    return;
  }
  const file = files[request.url];
  response.setHeader("Content-Type", file ? "text/javascript" : "text/html");
  response.end(file ? file() : request.url === "/" ? html : "");
}).listen(Number(page.port));

async function open(address) {
  const profile = mkdtempSync(join(tmpdir(), "browser-"));
  const done = new Promise(resolve => { finished = resolve; });
  const browser = spawn("chromium", ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`, address], { stdio: "ignore" });
  const whole = await Promise.race([done, new Promise(resolve => setTimeout(resolve, 120_000, false))]);
  if (!whole) console.log("DIFF the page did not finish");
  different ||= !whole;
  const gone = new Promise(resolve => browser.once("exit", resolve));
  browser.kill();
  await gone;
  // Its helpers write for a moment after it is gone.
  for (let tries = 0; tries < 20; tries++) {
    try {
      rmSync(profile, { recursive: true, force: true });
      break;
    } catch {
      await new Promise(resolve => setTimeout(resolve, 250));
    }
  }
}

await open(page.href);
await open(`http://127.0.0.1:${page.port}/`);
server.close();
process.exit(different ? 1 : 0);
