"""A gRPC server in Python whose services are in editions 2023 and 2024. Prints its address.

    python server.py FOLDER reflection      # FOLDER has the code that grpc_tools.protoc has generated
    python server.py FOLDER none

A request with an unknown field fails: protobuf would send it back, and its client would not notice."""

import sys
from concurrent import futures

import grpc
from google.protobuf.unknown_fields import UnknownFieldSet
from grpc_reflection.v1alpha import reflection

sys.path.insert(0, sys.argv[1])
import catalog_pb2
import catalog_pb2_grpc


class Catalog(catalog_pb2_grpc.CatalogServicer):
    def Echo(self, request, context):
        if len(UnknownFieldSet(request)) > 0:
            context.abort(grpc.StatusCode.DATA_LOSS, "the request has unknown fields")
        return request

    def Watch(self, request, context):
        for _ in range(3):
            yield request


server = grpc.server(futures.ThreadPoolExecutor(4))
catalog_pb2_grpc.add_CatalogServicer_to_server(Catalog(), server)
if sys.argv[2] == "reflection":
    names = [service.full_name for service in catalog_pb2.DESCRIPTOR.services_by_name.values()]
    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(f"127.0.0.1:{port}", flush=True)
sys.stdin.read()
server.stop(None)
