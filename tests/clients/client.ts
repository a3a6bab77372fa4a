// A client whose types are generated from the API document. It compiles only where the document says what is used here.
import createClient from "openapi-fetch";
import type { components, operations, paths } from "./schema.js";

type Problem = components["schemas"]["Problem"];
type SignIn = operations["signIn"]; // the id of the operation is its name here

const api = createClient<paths>({ baseUrl: process.argv[2]! });
const email = "typed@example.com", password = "correct horse battery";

const made = await api.POST("/api/account", { body: { email, password } });
if (!made.data) throw new Error(`sign-up: ${JSON.stringify(made.error)}`);

const body: SignIn["requestBody"]["content"]["application/json"] = { identifier: email, password };
const signedIn = await api.POST("/api/token", { body });
if (!signedIn.data?.accessToken) throw new Error(`sign-in: ${JSON.stringify(signedIn.error)}`);
const headers = { Authorization: `Bearer ${signedIn.data.accessToken}` };

const changed = await api.PATCH("/api/account", { headers, body: { displayName: "Typed" } });
const sessions = await api.GET("/api/account/sessions", { headers });

const wrong = await api.POST("/api/token", { body: { identifier: email, password: "wrong" } });
const problem: Problem | undefined = wrong.error;
const malformed = await api.POST("/api/account", { body: { email: "no", password } });

console.log([
  made.data.id === changed.data?.id, changed.data?.displayName, sessions.data?.length, wrong.response.status, problem?.code,
  malformed.error?.code, Object.keys(malformed.error?.errors ?? {}).join(),
].join(" "));
