// The calls of the client: the requests of each, who ends it, and the responses that it must get unless it is ended
// early.
//
//   {method, request, requests, end, delayMs, responses, response}
//
// A call is cancelled after `delayMs`, or has its deadline then. A call that may finish has this number of `responses`;
// each of them is `response`.
'use strict';

const wire = require('./wire');

// How a call ends: by itself, by its caller, by a deadline that allows it to finish, by a deadline that does not.
const End = {
  FINISH: 'FINISH',
  CANCEL: 'CANCEL',
  FINISH_OR_DEADLINE: 'FINISH_OR_DEADLINE',
  DEADLINE: 'DEADLINE',
};

// Sizes of requests (one frame, several frames, more than a stream's window), and the number of requests in a stream.
const SIZES = [[32, 64], [20_000, 16], [300_000, 4]];

// 1 to 20.
function delayMs(i) {
  return 1 + ((i * 7) % 20);
}

function sizes(i) {
  return SIZES[i % SIZES.length];
}

function upload(i, end) {
  const [size, requests] = sizes(i);
  return {
    method: 'StreamingInputCall',
    request: wire.inputRequest(size),
    requests,
    end,
    delayMs: delayMs(i),
    responses: 1,
    response: wire.inputResponse(size * requests),
  };
}

function chat(i, end) {
  const [size, requests] = sizes(i);
  return {
    method: 'FullDuplexCall',
    request: wire.outputRequest(size, 1, size, 0),
    requests,
    end,
    delayMs: delayMs(i),
    responses: requests,
    response: wire.response(size),
  };
}

function download(i) {
  const [size, responses] = sizes(i);
  return {
    method: 'StreamingOutputCall',
    request: wire.outputRequest(32, responses, size, 500),
    requests: 1,
    end: End.FINISH_OR_DEADLINE,
    delayMs: delayMs(i),
    responses,
    response: wire.response(size),
  };
}

function unary(size, end, delay) {
  return {
    method: 'UnaryCall',
    request: wire.simpleRequest(size, size),
    requests: 1,
    end,
    delayMs: delay,
    responses: 1,
    response: wire.response(size),
  };
}

// A unary call with a small message each way.
function echo(i) {
  return unary(16 + (i % 100), End.FINISH, 0);
}

// An upload or a chat that the caller cancels while it sends.
function cancelled(i) {
  const call = i % 2 === 0 ? upload : chat;
  return call(Math.floor(i / 2), End.CANCEL);
}

// A call of any kind with a deadline that passes before it can finish, or may pass so.
function hurried(i) {
  const turn = Math.floor(i / 4);
  switch (i % 4) {
    case 0:
      return upload(turn, End.DEADLINE);
    case 1:
      return chat(turn, End.DEADLINE);
    case 2:
      return download(turn);
    default:
      return unary(sizes(turn)[0], End.FINISH_OR_DEADLINE, delayMs(turn));
  }
}

// Cancelled calls, with an echo right after each.
function cancelledAndEcho(i) {
  return i % 2 === 0 ? cancelled(i / 2) : echo(i);
}

// Calls with deadlines, and echoes beside them.
function storm(i) {
  return i % 8 === 7 ? echo(i) : hurried(i - Math.floor(i / 8));
}

function mixed(i) {
  const turn = Math.floor(i / 10);
  switch (i % 10) {
    case 5:
      return upload(turn, End.FINISH);
    case 6:
      return chat(turn, End.FINISH);
    case 7:
    case 8:
      return cancelled(turn * 2 + (i % 2));
    case 9:
      return hurried(turn);
    default:
      return echo(i);
  }
}

module.exports = {End, echo, cancelledAndEcho, storm, mixed};
