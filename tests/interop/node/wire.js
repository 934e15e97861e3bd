// Messages of grpc.testing, written by hand, so that this client needs neither protobuf nor generated code.
'use strict';

const VARINT = 0;
const LENGTH_DELIMITED = 2;

function varint(value) {
  const out = [];
  for (; value >= 0x80; value >>>= 7) {
    out.push((value & 0x7f) | 0x80);
  }
  out.push(value);
  return Buffer.from(out);
}

function number(field, value) {
  return Buffer.concat([varint((field << 3) | VARINT), varint(value)]);
}

function bytes(field, content) {
  return Buffer.concat([varint((field << 3) | LENGTH_DELIMITED), varint(content.length), content]);
}

function payload(size) {
  return bytes(2, Buffer.alloc(size));
}

// SimpleRequest with a payload, for a response whose payload has `responseBytes`.
exports.simpleRequest = (payloadBytes, responseBytes) =>
  Buffer.concat([number(2, responseBytes), bytes(3, payload(payloadBytes))]);

// StreamingInputCallRequest.
exports.inputRequest = (payloadBytes) => bytes(1, payload(payloadBytes));

// StreamingOutputCallRequest with a payload, for `responses` of `responseBytes`, each after a pause.
exports.outputRequest = (payloadBytes, responses, responseBytes, pauseMicros) => {
  const wanted = bytes(2, Buffer.concat([number(1, responseBytes), number(2, pauseMicros)]));
  return Buffer.concat([...Array(responses).fill(wanted), bytes(3, payload(payloadBytes))]);
};

// SimpleResponse and StreamingOutputCallResponse.
exports.response = (payloadBytes) => bytes(1, payload(payloadBytes));

// StreamingInputCallResponse.
exports.inputResponse = (payloadBytes) => number(1, payloadBytes);
