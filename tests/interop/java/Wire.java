package ringrpc.interop;

import java.io.ByteArrayOutputStream;

/** Messages of grpc.testing, written by hand, so that this project needs neither protoc nor its plugin. */
final class Wire {
  private static final int VARINT = 0;
  private static final int LENGTH_DELIMITED = 2;

  /** SimpleRequest with a payload, for a response whose payload has `responseBytes`. */
  static byte[] simpleRequest(int payloadBytes, int responseBytes) {
    return join(number(2, responseBytes), field(3, payload(payloadBytes)));
  }

  /** StreamingInputCallRequest. */
  static byte[] inputRequest(int payloadBytes) {
    return field(1, payload(payloadBytes));
  }

  /** StreamingOutputCallRequest with a payload, for `responses` of `responseBytes`, each after a pause. */
  static byte[] outputRequest(int payloadBytes, int responses, int responseBytes, int pauseMicros) {
    byte[] wanted = field(2, number(1, responseBytes), number(2, pauseMicros));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int i = 0; i < responses; i++) {
      out.writeBytes(wanted);
    }
    out.writeBytes(field(3, payload(payloadBytes)));
    return out.toByteArray();
  }

  /** SimpleResponse and StreamingOutputCallResponse. */
  static byte[] response(int payloadBytes) {
    return field(1, payload(payloadBytes));
  }

  /** StreamingInputCallResponse. */
  static byte[] inputResponse(int payloadBytes) {
    return number(1, payloadBytes);
  }

  private static byte[] payload(int bytes) {
    return field(2, new byte[bytes]);
  }

  private static byte[] field(int number, byte[]... parts) {
    byte[] content = join(parts);
    return join(varint(number << 3 | LENGTH_DELIMITED), varint(content.length), content);
  }

  private static byte[] number(int number, int value) {
    return join(varint(number << 3 | VARINT), varint(value));
  }

  private static byte[] varint(int value) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (; value >= 0x80; value >>>= 7) {
      out.write(value & 0x7f | 0x80);
    }
    out.write(value);
    return out.toByteArray();
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  private Wire() {}
}
