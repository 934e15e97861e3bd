"""A client of channelz on grpcio's own stubs. Exits with an AssertionError when the server shows something else.

    check.py descriptors CHANNELZ        its messages are those of the package grpcio-channelz
    check.py server CHANNELZ SERVER      the calls and connections that this client makes to SERVER
    check.py channel CHANNELZ SERVER     the channel of channelz_peer
"""

import concurrent.futures
import sys
import time

import grpc
from google.protobuf import descriptor_pb2
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

WAIT_SECONDS = 300
ECHO = "/echo.v1.EchoService/Echo"
PAGE = 100


class Channelz:
    def __init__(self, address):
        self.address = address
        self.channel = grpc.insecure_channel(address, options=[("grpc.enable_channelz", 0)])
        self.stub = channelz_pb2_grpc.ChannelzStub(self.channel)

    def servers(self):
        return self._pages(
            lambda start: self.stub.GetServers(channelz_pb2.GetServersRequest(start_server_id=start)),
            "server", lambda server: server.ref.server_id)

    def channels(self):
        return self._pages(
            lambda start: self.stub.GetTopChannels(channelz_pb2.GetTopChannelsRequest(start_channel_id=start)),
            "channel", lambda channel: channel.ref.channel_id)

    def server_sockets(self, server):
        return self._pages(
            lambda start: self.stub.GetServerSockets(
                channelz_pb2.GetServerSocketsRequest(server_id=server.ref.server_id, start_socket_id=start)),
            "socket_ref", lambda socket: socket.socket_id)

    def socket(self, reference):
        return self.stub.GetSocket(channelz_pb2.GetSocketRequest(socket_id=reference.socket_id)).socket

    def server_at(self, address):
        (server,) = [server for server in self.servers() if server.ref.name == address]
        return server

    @staticmethod
    def _pages(get, field, id_of):
        entries = []
        while True:
            page = get(id_of(entries[-1]) + 1 if entries else 0)
            entries += getattr(page, field)
            assert len(getattr(page, field)) <= PAGE
            if page.end:
                ids = [id_of(entry) for entry in entries]
                assert ids == sorted(set(ids)), ids
                return entries
            assert getattr(page, field), "an empty page that is not the last one"


def wait_until(condition):
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def shape(messages, prefix=""):
    """Every field by its message and number: its name, type, label and oneof."""
    fields = {}
    for message in messages:
        name = prefix + message.name
        for field in message.field:
            oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
            fields[name, field.number] = field.name, field.type, field.type_name, field.label, oneof
        for enum in message.enum_type:
            fields |= {(f"{name}.{enum.name}", value.number): value.name for value in enum.value}
        for reserved in message.reserved_range:
            fields |= {(name, number): "reserved" for number in range(reserved.start, reserved.end)}
        fields |= shape(message.nested_type, f"{name}.")
    return fields


def descriptors(address):
    stub = reflection_pb2_grpc.ServerReflectionStub(grpc.insecure_channel(address))
    request = reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.channelz.v1.Channelz")
    try:
        (response,) = stub.ServerReflectionInfo(iter([request]))
    except grpc.RpcError as error:
        raise AssertionError(f"no reflection: {error.details()}")
    theirs = descriptor_pb2.FileDescriptorProto()
    channelz_pb2.DESCRIPTOR.CopyToProto(theirs)
    files = [descriptor_pb2.FileDescriptorProto.FromString(file)
             for file in response.file_descriptor_response.file_descriptor_proto]
    (ours,) = [file for file in files if file.name.endswith("channelz.proto")]
    differences = shape(ours.message_type).items() ^ shape(theirs.message_type).items()
    assert not differences, sorted(differences, key=str)
    methods = [{method.name: (method.input_type, method.output_type) for method in file.service[0].method}
               for file in (ours, theirs)]
    assert methods[0] == methods[1]
    assert ours.package == theirs.package


def open_channel(address):
    return grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])


def echo(channel):
    return channel.unary_unary(ECHO)(b"", timeout=WAIT_SECONDS, wait_for_ready=True)


def server(channelz_address, address):
    """12 connections with 1 to 12 calls each; more calls during the reading; then the end of all."""
    channelz = Channelz(channelz_address)
    channels = [open_channel(address) for _ in range(12)]
    for count, channel in enumerate(channels, 1):
        for _ in range(count):
            echo(channel)
    shown = channelz.server_at(address)
    assert shown.data.calls_started == shown.data.calls_succeeded == sum(range(13)), shown
    assert shown.data.calls_failed == 0
    sockets = [channelz.socket(reference) for reference in channelz.server_sockets(shown)]
    assert sorted(socket.data.streams_succeeded for socket in sockets) == list(range(1, 13)), sockets
    for socket in sockets:
        data = socket.data
        assert data.streams_started == data.messages_received == data.messages_sent == data.streams_succeeded
        assert data.streams_failed == 0
        assert socket.remote.tcpip_address.ip_address == b"\x7f\0\0\x01"
        assert f"127.0.0.1:{socket.remote.tcpip_address.port}" == socket.ref.name
        info = channelz_pb2.SocketOptionTcpInfo()
        (option,) = [option for option in data.option if option.name == "TCP_INFO"]
        assert option.additional.Unpack(info) and info.tcpi_snd_mss > 0
    (listening,) = shown.listen_socket
    assert channelz.socket(listening).local.tcpip_address.port == int(address.rpartition(":")[2])

    with concurrent.futures.ThreadPoolExecutor(len(channels)) as pool:
        under_load = [pool.submit(lambda c=channel: [echo(c) for _ in range(200)]) for channel in channels]
        while not all(each.done() for each in under_load):
            seen = channelz.server_at(address).data
            assert seen.calls_started >= seen.calls_succeeded, seen
            assert len(channelz.server_sockets(shown)) == len(channels)
        [each.result() for each in under_load]
    total = sum(range(13)) + 200 * len(channels)
    assert channelz.server_at(address).data.calls_succeeded == total
    references = channelz.server_sockets(shown)
    assert sum(channelz.socket(each).data.streams_succeeded for each in references) == total

    [channel.close() for channel in channels]
    wait_until(lambda: not channelz.server_sockets(shown))
    assert channelz.server_at(address).data.calls_succeeded == total
    try:
        channelz.socket(references[0])
        raise AssertionError("a closed connection is still shown")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND


def channel(channelz_address, address):
    channelz = Channelz(channelz_address)
    (shown,) = channelz.channels()
    assert shown.data.target == shown.ref.name == address
    assert shown.data.state.state == channelz_pb2.ChannelConnectivityState.READY
    assert (shown.data.calls_started, shown.data.calls_succeeded, shown.data.calls_failed) == (5, 4, 1)
    (reference,) = shown.subchannel_ref
    get = channelz_pb2.GetSubchannelRequest(subchannel_id=reference.subchannel_id)
    subchannel = channelz.stub.GetSubchannel(get).subchannel
    assert subchannel.data.calls_started == 5
    (connection,) = subchannel.socket_ref
    ours = channelz.socket(connection)
    (accepted,) = channelz.server_sockets(channelz.server_at(address))
    theirs = channelz.socket(accepted)
    assert ours.local == theirs.remote and ours.remote == theirs.local
    assert ours.data.streams_started == theirs.data.streams_started == 5
    assert ours.data.messages_sent == 5 and theirs.data.messages_received == 4  # a missing method reads nothing
    assert ours.data.messages_received == theirs.data.messages_sent == 4


if __name__ == "__main__":
    {"descriptors": descriptors, "server": server, "channel": channel}[sys.argv[1]](*sys.argv[2:])
