// A real OpenID provider for the tests, on loopback: whoever the test names signs in, at once or by its own pages.
// node provider.mjs PORT CLIENT_ID REDIRECT_URI PEOPLE(JSON: {subject: claims})
import http from "node:http";
import { Provider } from "oidc-provider";

const [port, clientId, redirect, people] = process.argv.slice(2);
const accounts = JSON.parse(people);
let subject = Object.keys(accounts)[0];

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: clientId, client_secret: "a test's secret, not a secret", redirect_uris: [redirect],
    post_logout_redirect_uris: [redirect.replace("/sign-in/back", "/sign-in")],
  }],
  claims: { openid: ["sub", "amr"], email: ["email", "email_verified"], profile: ["name"] },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
  pkce: { required: () => true },
  interactions: { url: (ctx, interaction) => `/as/${interaction.uid}` },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
  cookies: { keys: ["only for tests"] },
});

const answer = provider.callback();
http.createServer(async (request, response) => {
  const url = new URL(request.url, "http://127.0.0.1");
  if (url.pathname === "/choose") {  // the test says who signs in next
    subject = url.searchParams.get("subject");
    return response.end("ok");
  }
  if (url.pathname.startsWith("/as/")) {  // the page where a person would sign in and agree
    const details = await provider.interactionDetails(request, response);
    if (details.prompt.name === "login") {
      return provider.interactionFinished(request, response, { login: { accountId: subject, amr: accounts[subject].amr } });
    }
    const grant = new provider.Grant({ accountId: details.session.accountId, clientId });
    grant.addOIDCScope("openid email profile");
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  }
  return answer(request, response);
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
