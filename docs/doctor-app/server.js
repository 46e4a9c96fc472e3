// Asks STS for its own identity at each request. Without a compute role it finds no credentials.
// The form of the deployment: https://docs.aws.amazon.com/amplify/latest/userguide/ssr-deployment-specification.html
const http = require("node:http");
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");

const server = http.createServer(async (request, response) => {
  try {
    await new STSClient({}).send(new GetCallerIdentityCommand({}));
    console.log(`GET ${request.url} 200`);
    response.writeHead(200, { "content-type": "text/plain", "cache-control": "no-store" }).end("a role\n");
  } catch (error) {
    console.error(error);
    // The name alone: the message could hold ids.
    response.writeHead(500, { "content-type": "text/plain", "cache-control": "no-store" }).end(`${error.name}\n`);
  }
});

server.listen(3000); // The port that Amplify expects.
