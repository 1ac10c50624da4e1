// Verifies a webhook message with the published library: {secret, headers, body} on standard
// input, what it read (or why it did not) on standard output.
import { Webhook } from "standardwebhooks";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { secret, headers, body } = JSON.parse(input);
try {
  console.log(JSON.stringify({ payload: new Webhook(secret).verify(body, headers) }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
}
