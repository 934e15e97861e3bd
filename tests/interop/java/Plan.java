package ringrpc.interop;

import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;

/**
 * One call: what it sends, who ends it, and what must come back where nobody ends it early.
 *
 * @param delayMillis after which it is cancelled, or its deadline passes
 * @param responses that come to a call which may finish, each of them `response`
 */
record Plan(
    MethodDescriptor<byte[], byte[]> method,
    byte[] request,
    int requests,
    End end,
    int delayMillis,
    int responses,
    byte[] response) {

  /** How a call ends: by itself, by its caller, by its deadline while it could finish, by its deadline alone. */
  enum End {
    FINISH,
    CANCEL,
    FINISH_OR_DEADLINE,
    DEADLINE
  }

  /** Requests that are one frame, several frames, and more than a stream's window. */
  private static final int[] PAYLOAD_BYTES = {32, 20_000, 300_000};
  private static final int[] REQUESTS = {64, 16, 4};

  private static final MethodDescriptor<byte[], byte[]> UNARY = method(MethodType.UNARY, "UnaryCall");
  private static final MethodDescriptor<byte[], byte[]> UPLOAD =
      method(MethodType.CLIENT_STREAMING, "StreamingInputCall");
  private static final MethodDescriptor<byte[], byte[]> DOWNLOAD =
      method(MethodType.SERVER_STREAMING, "StreamingOutputCall");
  private static final MethodDescriptor<byte[], byte[]> CHAT = method(MethodType.BIDI_STREAMING, "FullDuplexCall");

  /** A unary call with a small message each way. */
  static Plan echo(int i) {
    int bytes = 16 + i % 100;
    return new Plan(UNARY, Wire.simpleRequest(bytes, bytes), 1, End.FINISH, 0, 1, Wire.response(bytes));
  }

  /** An upload or a chat that the caller cancels while it sends. */
  static Plan cancelled(int i) {
    return i % 2 == 0 ? upload(i / 2, End.CANCEL) : chat(i / 2, End.CANCEL);
  }

  /** A call of any kind with a deadline that passes before it can finish, or may do so. */
  static Plan hurried(int i) {
    switch (i % 4) {
      case 0:
        return upload(i / 4, End.DEADLINE);
      case 1:
        return chat(i / 4, End.DEADLINE);
      case 2:
        return download(i / 4);
      default:
        int bytes = PAYLOAD_BYTES[i / 4 % PAYLOAD_BYTES.length];
        byte[] request = Wire.simpleRequest(bytes, bytes);
        return new Plan(UNARY, request, 1, End.FINISH_OR_DEADLINE, delay(i / 4), 1, Wire.response(bytes));
    }
  }

  /** Cancelled calls, and echoes right after each. */
  static Plan cancelledAndEcho(int i) {
    return i % 2 == 0 ? cancelled(i / 2) : echo(i);
  }

  /** Deadlines, and echoes beside them. */
  static Plan storm(int i) {
    return i % 8 == 7 ? echo(i) : hurried(i - i / 8);
  }

  static Plan mixed(int i) {
    switch (i % 10) {
      case 5:
        return upload(i / 10, End.FINISH);
      case 6:
        return chat(i / 10, End.FINISH);
      case 7, 8:
        return cancelled(i / 10 * 2 + i % 2);
      case 9:
        return hurried(i / 10);
      default:
        return echo(i);
    }
  }

  private static Plan upload(int i, End end) {
    int size = i % PAYLOAD_BYTES.length;
    int bytes = PAYLOAD_BYTES[size];
    int requests = REQUESTS[size];
    byte[] response = Wire.inputResponse(bytes * requests);
    return new Plan(UPLOAD, Wire.inputRequest(bytes), requests, end, delay(i), 1, response);
  }

  private static Plan chat(int i, End end) {
    int size = i % PAYLOAD_BYTES.length;
    int bytes = PAYLOAD_BYTES[size];
    int requests = REQUESTS[size];
    byte[] request = Wire.outputRequest(bytes, 1, bytes, 0);
    return new Plan(CHAT, request, requests, end, delay(i), requests, Wire.response(bytes));
  }

  private static Plan download(int i) {
    int size = i % PAYLOAD_BYTES.length;
    int bytes = PAYLOAD_BYTES[size];
    int responses = REQUESTS[size];
    byte[] request = Wire.outputRequest(32, responses, bytes, 500);
    return new Plan(DOWNLOAD, request, 1, End.FINISH_OR_DEADLINE, delay(i), responses, Wire.response(bytes));
  }

  /** 1 to 20 ms. */
  private static int delay(int i) {
    return 1 + i * 7 % 20;
  }

  /** As summaries call it: "StreamingInputCall, CANCEL". */
  String name() {
    return method.getBareMethodName() + ", " + end;
  }

  /** Whether it tells the server when it has sent all. Calls that must not finish leave that out. */
  boolean halfCloses() {
    return end == End.FINISH || end == End.FINISH_OR_DEADLINE;
  }

  boolean hasDeadline() {
    return end == End.FINISH_OR_DEADLINE || end == End.DEADLINE;
  }

  private static MethodDescriptor<byte[], byte[]> method(MethodType type, String name) {
    return MethodDescriptor.newBuilder(Wire.BYTES, Wire.BYTES)
        .setType(type)
        .setFullMethodName("grpc.testing.TestService/" + name)
        .build();
  }
}
