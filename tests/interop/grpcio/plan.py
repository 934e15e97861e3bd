"""The calls of the client: the requests of each, who ends it, and the responses that it must get unless it is ended early."""

import dataclasses
import enum

import wire

# Sizes of requests (one frame, several frames, more than a stream's window), and the number of requests in a stream.
SIZES = [(32, 64), (20_000, 16), (300_000, 4)]


class End(enum.Enum):
    """How a call ends: by itself, by its caller, by a deadline that allows it to finish, by a deadline that does not."""

    FINISH = 1
    CANCEL = 2
    FINISH_OR_DEADLINE = 3
    DEADLINE = 4


@dataclasses.dataclass
class Plan:
    method: str
    request: bytes
    requests: int
    end: End
    delay_ms: int  # until it is cancelled, or until its deadline
    responses: int  # of a call that may finish; each of them is `response`
    response: bytes

    def name(self):
        """Its name in summaries: "StreamingInputCall, CANCEL"."""
        return f"{self.method}, {self.end.name}"

    def half_closes(self):
        """True if it half-closes after its last request. Calls that must not finish do not."""
        return self.end in (End.FINISH, End.FINISH_OR_DEADLINE)

    def has_deadline(self):
        return self.end in (End.FINISH_OR_DEADLINE, End.DEADLINE)


def echo(i):
    """A unary call with a small message each way."""
    size = 16 + i % 100
    return Plan("UnaryCall", wire.simple_request(size, size), 1, End.FINISH, 0, 1, wire.response(size))


def cancelled(i):
    """An upload or a chat that the caller cancels while it sends."""
    return _upload(i // 2, End.CANCEL) if i % 2 == 0 else _chat(i // 2, End.CANCEL)


def hurried(i):
    """A call of any kind with a deadline that passes before it can finish, or may pass so."""
    match i % 4:
        case 0:
            return _upload(i // 4, End.DEADLINE)
        case 1:
            return _chat(i // 4, End.DEADLINE)
        case 2:
            return _download(i // 4)
        case _:
            return _large_unary(i // 4)


def cancelled_and_echo(i):
    """Cancelled calls, with an echo right after each."""
    return cancelled(i // 2) if i % 2 == 0 else echo(i)


def storm(i):
    """Calls with deadlines, and echoes beside them."""
    return echo(i) if i % 8 == 7 else hurried(i - i // 8)


def mixed(i):
    match i % 10:
        case 5:
            return _upload(i // 10, End.FINISH)
        case 6:
            return _chat(i // 10, End.FINISH)
        case 7 | 8:
            return cancelled(i // 10 * 2 + i % 2)
        case 9:
            return hurried(i // 10)
        case _:
            return echo(i)


def _upload(i, end):
    size, requests = SIZES[i % len(SIZES)]
    response = wire.input_response(size * requests)
    return Plan("StreamingInputCall", wire.input_request(size), requests, end, _delay_ms(i), 1, response)


def _chat(i, end):
    size, requests = SIZES[i % len(SIZES)]
    request = wire.output_request(size, 1, size, 0)
    return Plan("FullDuplexCall", request, requests, end, _delay_ms(i), requests, wire.response(size))


def _download(i):
    size, responses = SIZES[i % len(SIZES)]
    request = wire.output_request(32, responses, size, 500)
    end = End.FINISH_OR_DEADLINE
    return Plan("StreamingOutputCall", request, 1, end, _delay_ms(i), responses, wire.response(size))


def _large_unary(i):
    size, _ = SIZES[i % len(SIZES)]
    request = wire.simple_request(size, size)
    return Plan("UnaryCall", request, 1, End.FINISH_OR_DEADLINE, _delay_ms(i), 1, wire.response(size))


def _delay_ms(i):
    """1 to 20."""
    return 1 + i * 7 % 20
