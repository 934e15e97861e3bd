"""The calls of the client: what each sends, who ends it, and what must come back where nobody ends it early."""

import dataclasses
import enum

import wire

# Requests that are one frame, several frames, and more than a stream's window; and how many of them a stream sends.
SIZES = [(32, 64), (20_000, 16), (300_000, 4)]


class End(enum.Enum):
    """How a call ends: by itself, by its caller, by its deadline while it could finish, by its deadline alone."""

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
    delay_ms: int  # after which it is cancelled, or its deadline passes
    responses: int  # that come to a call which may finish, each of them `response`
    response: bytes

    def name(self):
        """As summaries call it: "StreamingInputCall, CANCEL"."""
        return f"{self.method}, {self.end.name}"

    def half_closes(self):
        """Whether it tells the server when it has sent all. Calls that must not finish leave that out."""
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
    """A call of any kind with a deadline that passes before it can finish, or may do so."""
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
    """Cancelled calls, and echoes right after each."""
    return cancelled(i // 2) if i % 2 == 0 else echo(i)


def storm(i):
    """Deadlines, and echoes beside them."""
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
