// Compose des formules : une requête JSON par ligne ({tex, display}), une réponse par ligne.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const temml = createRequire(process.argv[2])("temml");
for await (const line of createInterface({ input: process.stdin })) {
  const { tex, display } = JSON.parse(line);
  let reply;
  try {
    // « wrap » : une longue formule dans le texte se coupe après une relation ou une somme.
    reply = { mathml: temml.renderToString(tex, { displayMode: display, wrap: "tex", throwOnError: true }) };
  } catch (error) {
    reply = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
