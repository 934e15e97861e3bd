// A client on grpc-js that cancels calls and lets deadlines pass while it sends: 20,000 calls of
// grpc.testing.TestService through one channel. Calls without cancel and deadline must succeed. The others must end
// with CANCELLED or DEADLINE_EXCEEDED, unless they finish before their deadlines.
//
//   node client.js PORT      on 127.0.0.1; exits with 1 if a call ended wrongly
'use strict';

const grpc = require('@grpc/grpc-js');

const plans = require('./plan');
const {End} = plans;

const WAIT_SECONDS = 300;
const WRONG_TOLD_MAX = 10;
const ALLOWED = {
  [End.FINISH]: [grpc.status.OK],
  [End.CANCEL]: [grpc.status.CANCELLED],
  [End.FINISH_OR_DEADLINE]: [grpc.status.OK, grpc.status.DEADLINE_EXCEEDED],
  [End.DEADLINE]: [grpc.status.DEADLINE_EXCEEDED],
};

class Client {
  constructor(address) {
    // Retries would hide streams that the server refuses.
    const options = {'grpc.enable_http_proxy': 0, 'grpc.enable_retries': 0};
    this.client = new grpc.Client(address, grpc.credentials.createInsecure(), options);
    this.ends = new Map();
    this.calls = 0;
    this.wrong = [];
  }

  // Makes `count` calls, `inFlight` at a time.
  async run(planOf, count, inFlight) {
    let next = 0;
    const worker = async () => {
      while (next < count) {
        await this.call(planOf(next++));
      }
    };
    await Promise.all(Array.from({length: inFlight}, worker));
  }

  async call(plan) {
    const responses = [];
    const status = await withinTime(this.carryOut(plan, responses), plan);
    const end = `${plan.method}, ${plan.end}: ${grpc.status[status.code]}`;
    this.calls++;
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
    const wrong = fault(plan, status, responses);
    if (wrong) {
      this.wrong.push(`${plan.method}, ${plan.end} ${wrong}`);
    }
  }

  // Waits for the call's status. Responses are added to `responses`.
  carryOut(plan, responses) {
    return new Promise((resolve) => {
      const call = this.start(plan, (response) => responses.push(response));
      call.on('error', () => {}); // repeats the status
      call.on('status', resolve);
      if (plan.end === End.CANCEL) {
        setTimeout(() => call.cancel(), plan.delayMs);
      }
    });
  }

  start(plan, onResponse) {
    const method = `/grpc.testing.TestService/${plan.method}`;
    const asIs = (message) => message;
    const hasDeadline = plan.end === End.DEADLINE || plan.end === End.FINISH_OR_DEADLINE;
    const options = hasDeadline ? {deadline: Date.now() + plan.delayMs} : {};
    const onOnlyResponse = (error, response) => error || onResponse(response);
    const common = [method, asIs, asIs];
    const metadata = new grpc.Metadata();
    switch (plan.method) {
      case 'UnaryCall':
        return this.client.makeUnaryRequest(...common, plan.request, metadata, options, onOnlyResponse);
      case 'StreamingInputCall':
        return send(this.client.makeClientStreamRequest(...common, metadata, options, onOnlyResponse), plan);
      case 'StreamingOutputCall':
        return this.client.makeServerStreamRequest(...common, plan.request, metadata, options).on('data', onResponse);
      default:
        return send(this.client.makeBidiStreamRequest(...common, metadata, options).on('data', onResponse), plan);
    }
  }

  print() {
    const {version} = require('@grpc/grpc-js/package.json');
    console.log(`grpc-js ${version}: ${this.calls} calls, ${this.wrong.length} of them wrong`);
    for (const end of [...this.ends.keys()].sort()) {
      console.log(`  ${end}=${this.ends.get(end)}`);
    }
    for (const line of this.wrong.slice(0, WRONG_TOLD_MAX)) {
      console.log(`  ${line}`);
    }
  }
}

// Sends all requests of a stream. Half-closes the call only if it may finish.
function send(call, plan) {
  for (let i = 0; i < plan.requests; i++) {
    call.write(plan.request);
  }
  if (plan.end === End.FINISH) {
    call.end();
  }
  return call;
}

function withinTime(ended, plan) {
  let timer;
  const tooLate = new Promise((_, reject) => {
    const late = new Error(`${plan.method}, ${plan.end} had not ended after ${WAIT_SECONDS} s`);
    timer = setTimeout(() => reject(late), WAIT_SECONDS * 1000);
  });
  return Promise.race([ended, tooLate]).finally(() => clearTimeout(timer));
}

// The fault of a call that has ended, or undefined.
function fault(plan, status, responses) {
  if (!ALLOWED[plan.end].includes(status.code)) {
    return `ended with ${grpc.status[status.code]}: ${status.details}`;
  }
  if (responses.some((response) => !response.equals(plan.response))) {
    return 'received a response that differs from the one it asked for';
  }
  if (status.code === grpc.status.OK && responses.length !== plan.responses) {
    return `received ${responses.length} responses of ${plan.responses}`;
  }
  return undefined;
}

async function main(port) {
  const client = new Client(`127.0.0.1:${port}`);
  try {
    await client.run(plans.echo, 2_000, 200);
    await client.run(plans.cancelledAndEcho, 1_000, 1);
    await client.run(plans.storm, 4_000, 200);
    await client.run(plans.mixed, 13_000, 64);
  } finally {
    client.print();
  }
  return client.wrong.length > 0 ? 1 : 0;
}

main(process.argv[2]).then(
  (status) => process.exit(status),
  (error) => {
    console.log(`  ${error.message}`);
    process.exit(1);
  },
);
