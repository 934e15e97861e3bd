package ringrpc.interop;

import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;

/**
 * One call: its requests, who ends it, and the responses that it must get unless it is ended early.
 *
 * @param delayMillis until it is cancelled, or until its deadline
 * @param responses of a call that may finish; each of them is `response`
 */
record Plan(
    MethodDescriptor<byte[], byte[]> method,
    byte[] request,
    int requests,
    End end,
    int delayMillis,
    int responses,
    byte[] response) {

  /** How a call ends: by itself, by its caller, by a deadline that allows it to finish, by a deadline that does not. */
  enum End {
    FINISH,
    CANCEL,
    FINISH_OR_DEADLINE,
    DEADLINE
  }

  /** Sizes of requests: one frame, several frames, and more than a stream's window. */
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

  /** A call of any kind with a deadline that passes before it can finish, or may pass so. */
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

  /** Cancelled calls, with an echo right after each. */
  static Plan cancelledAndEcho(int i) {
    return i % 2 == 0 ? cancelled(i / 2) : echo(i);
  }

  /** Calls with deadlines, and echoes beside them. */
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

  /** Its name in summaries: "StreamingInputCall, CANCEL". */
  String name() {
    return method.getBareMethodName() + ", " + end;
  }

  /** True if it half-closes after its last request. Calls that must not finish do not. */
  boolean halfCloses() {
    return end == End.FINISH || end == End.FINISH_OR_DEADLINE;
  }

  boolean hasDeadline() {
    return end == End.FINISH_OR_DEADLINE || end == End.DEADLINE;
  }

  private static MethodDescriptor<byte[], byte[]> method(MethodType type, String name) {
    return MethodDescriptor.newBuilder(new Bytes(), new Bytes())
        .setType(type)
        .setFullMethodName("grpc.testing.TestService/" + name)
        .build();
  }
}
