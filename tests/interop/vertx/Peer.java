package ringrpc.interop;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.grpc.client.GrpcClient;
import io.vertx.grpc.client.GrpcClientOptions;
import io.vertx.grpc.client.GrpcClientRequest;
import io.vertx.grpc.client.GrpcClientResponse;
import io.vertx.grpc.common.GrpcStatus;
import io.vertx.grpc.common.ServiceName;
import io.vertx.grpc.server.GrpcServer;
import io.vertx.grpc.server.GrpcServerRequest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Vert.x's gRPC, which is not grpc-java's, on either side of a call. Messages are their bytes, so that nothing is generated.
 *
 * <pre>
 *   Peer client PORT   calls grpc.testing.TestService; exits with 1 if a call ends wrongly
 *   Peer server        serves mirror.Mirror, whose responses are its requests, and prints its port
 * </pre>
 */
final class Peer {
  private static final int CALLS = 100;
  private static final long MESSAGE_BYTES_MAX = 1 << 20;
  private static final int LATE_MICROS = 1_800_000_000;

  public static void main(String[] arguments) throws Exception {
    Vertx vertx = Vertx.vertx();
    if (arguments[0].equals("server")) {
      serve(vertx);
      return;
    }
    int status = 0;
    try {
      new Peer(vertx, Integer.parseInt(arguments[1])).run();
    } catch (Exception wrong) {
      wrong.printStackTrace();
      status = 1;
    }
    System.exit(status);
  }

  private static void serve(Vertx vertx) throws Exception {
    GrpcServer mirror = GrpcServer.server(vertx);
    mirror.callHandler(
        call -> {
          switch (call.fullMethodName()) {
            case "mirror.Mirror/Unary" -> call.handler(message -> reflect(call, message));
            case "mirror.Mirror/Talk" -> {
              call.handler(call.response()::write);
              call.endHandler(end -> call.response().end());
            }
            default -> call.response().status(GrpcStatus.UNIMPLEMENTED).end();
          }
        });
    var server = vertx.createHttpServer(new HttpServerOptions().setPort(0).setHost("127.0.0.1"));
    var listening = await(server.requestHandler(mirror).listen());
    System.err.println("serving on 127.0.0.1:" + listening.actualPort());
  }

  private static void reflect(GrpcServerRequest<Buffer, Buffer> call, Buffer message) {
    if (message.toString(StandardCharsets.UTF_8).endsWith("fail")) {
      call.response().status(GrpcStatus.DATA_LOSS).statusMessage("ä wall\n is there").end();
    } else {
      call.response().end(message);
    }
  }

  private final GrpcClient client;
  private final SocketAddress server;

  private Peer(Vertx vertx, int port) {
    client = GrpcClient.client(vertx, new GrpcClientOptions().setMaxMessageSize(MESSAGE_BYTES_MAX));
    server = SocketAddress.inetSocketAddress(port, "127.0.0.1");
  }

  private void run() throws Exception {
    for (int size : new int[] {1, 16_384, 300_000}) {
      List<Future<Buffer>> responses = new ArrayList<>();
      for (int i = 0; i < CALLS; i++) {
        responses.add(unary(Wire.simpleRequest(size, size)));
      }
      for (Future<Buffer> response : responses) {
        check(await(response).equals(Buffer.buffer(Wire.response(size))), "a response of " + size + " bytes");
      }
    }
    Buffer sum = await(begin("StreamingInputCall").compose(this::inputs));
    check(sum.equals(Buffer.buffer(Wire.inputResponse(74_922))), "the sum of a stream");
    check(end("NoSuchCall", Wire.simpleRequest(1, 1), 0) == GrpcStatus.UNIMPLEMENTED, "an unknown method");
    byte[] late = Wire.outputRequest(0, 1, 1, LATE_MICROS);
    check(end("StreamingOutputCall", late, 50) == GrpcStatus.DEADLINE_EXCEEDED, "a deadline");
    await(begin("FullDuplexCall").onSuccess(GrpcClientRequest::cancel));
    check(await(unary(Wire.simpleRequest(1, 1))).length() > 0, "a call after a cancelled one");
  }

  private Future<GrpcClientRequest<Buffer, Buffer>> begin(String method) {
    return client
        .request(server)
        .map(call -> call.serviceName(ServiceName.create("grpc.testing.TestService")).methodName(method));
  }

  private Future<Buffer> unary(byte[] request) {
    return begin("UnaryCall").compose(call -> call.send(Buffer.buffer(request))).compose(GrpcClientResponse::last);
  }

  private Future<Buffer> inputs(GrpcClientRequest<Buffer, Buffer> call) {
    for (int size : new int[] {27_182, 8, 1_828}) {
      call.write(Buffer.buffer(Wire.inputRequest(size)));
    }
    call.end(Buffer.buffer(Wire.inputRequest(45_904)));
    return call.response().compose(GrpcClientResponse::last);
  }

  /** The status of a call that fails. */
  private GrpcStatus end(String method, byte[] request, long timeoutMillis) throws Exception {
    Future<GrpcClientResponse<Buffer, Buffer>> response =
        begin(method)
            .compose(
                call -> {
                  if (timeoutMillis > 0) {
                    call.timeout(timeoutMillis, TimeUnit.MILLISECONDS);
                  }
                  return call.send(Buffer.buffer(request));
                });
    GrpcClientResponse<Buffer, Buffer> ended = await(response);
    await(ended.end().otherwiseEmpty());
    return ended.status();
  }

  private static <T> T await(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(5, TimeUnit.MINUTES);
  }

  private static void check(boolean right, String what) {
    if (!right) {
      throw new IllegalStateException("wrong: " + what);
    }
  }
}
