// The calls of the client: what each sends, who ends it, and what must come back where nobody ends it early.
//
//   {method, request, requests, end, delayMs, responses, response}
//
// After `delayMs` a call is cancelled, or its deadline passes. A call that may finish has so many `responses`, each of
// them `response`.
'use strict';

const wire = require('./wire');

// How a call ends: by itself, by its caller, by its deadline while it could finish, by its deadline alone.
const End = {
  FINISH: 'FINISH',
  CANCEL: 'CANCEL',
  FINISH_OR_DEADLINE: 'FINISH_OR_DEADLINE',
  DEADLINE: 'DEADLINE',
};

// Requests that are one frame, several frames, and more than a stream's window; and how many of them a stream sends.
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

// A call of any kind with a deadline that passes before it can finish, or may do so.
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

// Cancelled calls, and echoes right after each.
function cancelledAndEcho(i) {
  return i % 2 === 0 ? cancelled(i / 2) : echo(i);
}

// Deadlines, and echoes beside them.
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
