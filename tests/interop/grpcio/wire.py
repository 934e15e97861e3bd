"""Messages of grpc.testing, written by hand, so that this client needs neither protobuf nor generated code."""

VARINT = 0
LENGTH_DELIMITED = 2


def simple_request(payload_bytes, response_bytes):
    """SimpleRequest with a payload, for a response whose payload has `response_bytes`."""
    return _number(2, response_bytes) + _field(3, _payload(payload_bytes))


def input_request(payload_bytes):
    """StreamingInputCallRequest."""
    return _field(1, _payload(payload_bytes))


def output_request(payload_bytes, responses, response_bytes, pause_us):
    """StreamingOutputCallRequest with a payload, for `responses` of `response_bytes`, each after a pause."""
    wanted = _field(2, _number(1, response_bytes) + _number(2, pause_us))
    return wanted * responses + _field(3, _payload(payload_bytes))


def response(payload_bytes):
    """SimpleResponse and StreamingOutputCallResponse."""
    return _field(1, _payload(payload_bytes))


def input_response(payload_bytes):
    """StreamingInputCallResponse."""
    return _number(1, payload_bytes)


def _payload(size):
    return _field(2, bytes(size))


def _field(number, content):
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(content)) + content


def _number(number, value):
    return _varint(number << 3 | VARINT) + _varint(value)


def _varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
