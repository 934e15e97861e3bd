package ringrpc.interop;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.Arrays;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Makes the call of one plan and reports its outcome to a tally. */
final class Caller extends ClientCall.Listener<byte[]> {
  private final Plan plan;
  private final ClientCall<byte[], byte[]> call;
  private final Tally tally;
  private final Runnable onEnd;
  private int sent;
  private int received;
  private boolean cancelled;
  private boolean garbled;

  private Caller(Channel channel, Plan plan, Tally tally, Runnable onEnd) {
    this.plan = plan;
    this.tally = tally;
    this.onEnd = onEnd;
    CallOptions options = CallOptions.DEFAULT;
    if (plan.hasDeadline()) {
      options = options.withDeadlineAfter(plan.delayMillis(), TimeUnit.MILLISECONDS);
    }
    call = channel.newCall(plan.method(), options);
  }

  /** Returns at once. `onEnd` runs when the call has ended and `tally` has its status. */
  static void start(Channel channel, Plan plan, ScheduledExecutorService timer, Tally tally, Runnable onEnd) {
    Caller caller = new Caller(channel, plan, tally, onEnd);
    caller.call.start(caller, new Metadata());
    caller.call.request(Integer.MAX_VALUE);
    if (plan.end() == Plan.End.CANCEL) {
      timer.schedule(caller::cancel, plan.delayMillis(), TimeUnit.MILLISECONDS);
    }
    caller.send();
  }

  @Override
  public void onReady() {
    send();
  }

  @Override
  public void onMessage(byte[] message) {
    received++;
    garbled |= !Arrays.equals(message, plan.response());
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    tally.add(plan.name(), status.getCode(), fault(status));
    onEnd.run();
  }

  /** Sends while the transport is ready. The transport calls `onReady` when it is ready again. */
  private synchronized void send() {
    while (!cancelled && sent < plan.requests() && (sent == 0 || call.isReady())) {
      call.sendMessage(plan.request());
      if (++sent == plan.requests() && plan.halfCloses()) {
        call.halfClose();
      }
    }
  }

  private synchronized void cancel() {
    cancelled = true;
    call.cancel("planned", null);
  }

  /** The fault of the call, or null. */
  private String fault(Status status) {
    boolean allowed =
        switch (plan.end()) {
          case FINISH -> status.isOk();
          case CANCEL -> status.getCode() == Status.Code.CANCELLED;
          case FINISH_OR_DEADLINE -> status.isOk() || status.getCode() == Status.Code.DEADLINE_EXCEEDED;
          case DEADLINE -> status.getCode() == Status.Code.DEADLINE_EXCEEDED;
        };
    if (!allowed) {
      return "ended with " + status;
    }
    if (garbled) {
      return "received a response that differs from the one it asked for";
    }
    if (status.isOk() && received != plan.responses()) {
      return "received " + received + " responses of " + plan.responses();
    }
    return null;
  }
}
