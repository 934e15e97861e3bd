"""grpclib, which is pure Python on hyper-h2, on either side of a call.

    peer.py client PORT     makes calls of grpc.testing.TestService; exits with 1 if one ends wrongly
    peer.py server          serves mirror.Mirror, whose responses are its requests, and prints its port
"""

import asyncio
import pathlib
import sys

import grpclib.client
import grpclib.const
import grpclib.encoding.base
import grpclib.exceptions
import grpclib.server
import grpclib.utils

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "grpcio"))
import wire  # noqa: E402

SERVICE = "/grpc.testing.TestService/"


class Bytes(grpclib.encoding.base.CodecBase):
    """Messages are their bytes, so that nothing is generated."""

    __content_subtype__ = "proto"

    def encode(self, message, message_type):
        return message

    def decode(self, data, message_type):
        return data


def method(channel, kind, name):
    return kind(channel, SERVICE + name, bytes, bytes)


async def unary(channel):
    call = method(channel, grpclib.client.UnaryUnaryMethod, "UnaryCall")
    for size in (1, 16_384, 300_000):
        responses = await asyncio.gather(*(call(wire.simple_request(size, size)) for _ in range(20)))
        assert all(response == wire.response(size) for response in responses), size


async def streams(channel):
    inputs = method(channel, grpclib.client.StreamUnaryMethod, "StreamingInputCall")
    response = await inputs([wire.input_request(size) for size in (27_182, 8, 1_828, 45_904)])
    assert response == wire.input_response(74_922)
    outputs = method(channel, grpclib.client.UnaryStreamMethod, "StreamingOutputCall")
    assert await outputs(wire.output_request(0, 5, 31_415, 0)) == [wire.response(31_415)] * 5
    async with method(channel, grpclib.client.StreamStreamMethod, "FullDuplexCall").open() as stream:
        for size in (1, 100_000, 3):
            await stream.send_message(wire.output_request(size, 1, size, 0))
            assert await stream.recv_message() == wire.response(size)
        await stream.end()
        assert await stream.recv_message() is None


async def failures(channel):
    assert await code(method(channel, grpclib.client.UnaryUnaryMethod, "NoSuchCall")(b"")) == "UNIMPLEMENTED"
    # It asks for a response after half an hour.
    late = wire.output_request(0, 1, 1, 1_800_000_000)
    outputs = method(channel, grpclib.client.UnaryStreamMethod, "StreamingOutputCall")
    try:
        await outputs(late, timeout=0.05)
        raise AssertionError("a call has outlived its deadline")
    except (asyncio.TimeoutError, grpclib.exceptions.GRPCError) as ended:
        assert isinstance(ended, asyncio.TimeoutError) or ended.status is grpclib.const.Status.DEADLINE_EXCEEDED
    async with method(channel, grpclib.client.StreamStreamMethod, "FullDuplexCall").open() as stream:
        await stream.send_message(late)
        await stream.cancel()


async def code(call):
    try:
        await call
    except grpclib.exceptions.GRPCError as failure:
        return failure.status.name
    return "OK"


async def client(port):
    channel = grpclib.client.Channel("127.0.0.1", port, codec=Bytes())
    try:
        await unary(channel)
        await streams(channel)
        await failures(channel)
        await unary(channel)  # the connection has survived the failures
    finally:
        channel.close()


class Mirror:
    async def unary(self, stream):
        message = await stream.recv_message()
        if message == bytes((10, 4)) + b"fail":
            raise grpclib.exceptions.GRPCError(grpclib.const.Status.DATA_LOSS, "ä wall \n is there")
        await stream.send_initial_metadata(metadata={"made-of": "glass"})
        await stream.send_message(message)

    async def talk(self, stream):
        async for message in stream:
            await stream.send_message(message)

    def __mapping__(self):
        kinds = grpclib.const.Cardinality
        return {
            f"/mirror.Mirror/{name}": grpclib.const.Handler(function, kind, bytes, bytes)
            for name, function, kind in [
                ("Unary", self.unary, kinds.UNARY_UNARY), ("Talk", self.talk, kinds.STREAM_STREAM)
            ]
        }


async def server():
    mirror = grpclib.server.Server([Mirror()], codec=Bytes())
    with grpclib.utils.graceful_exit([mirror]):
        await mirror.start("127.0.0.1", 0)
        print("serving on %s:%d" % mirror._server.sockets[0].getsockname(), file=sys.stderr, flush=True)
        await mirror.wait_closed()


if __name__ == "__main__":
    asyncio.run(client(int(sys.argv[2])) if sys.argv[1] == "client" else server())
