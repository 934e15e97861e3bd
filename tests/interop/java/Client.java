package ringrpc.interop;

import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.okhttp.OkHttpChannelBuilder;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * A client on grpc-java that cancels calls and lets deadlines pass while it sends. Each transport makes 20,000 calls of
 * grpc.testing.TestService through one channel. Calls without cancel and deadline must succeed. The others must end
 * with CANCELLED or DEADLINE_EXCEEDED, unless they finish before their deadlines.
 *
 * <p>Usage: Client PORT, on 127.0.0.1. Exits with 1 if a call ended wrongly.
 */
public final class Client {
  private static final int WAIT_SECONDS = 300;
  private static final Logger LOG_OF_GRPC = Logger.getLogger("io.grpc");

  private final ManagedChannel channel;
  private final ScheduledExecutorService timer;
  private final Tally tally = new Tally();

  private Client(ManagedChannel channel, ScheduledExecutorService timer) {
    this.channel = channel;
    this.timer = timer;
  }

  public static void main(String[] arguments) throws InterruptedException {
    LOG_OF_GRPC.setLevel(Level.WARNING); // it logs each response that arrives after a cancel
    int port = Integer.parseInt(arguments[0]);
    ScheduledExecutorService timer = Executors.newScheduledThreadPool(2);
    boolean netty = check("Netty", NettyChannelBuilder.forAddress("127.0.0.1", port), timer);
    boolean okHttp = check("OkHttp", OkHttpChannelBuilder.forAddress("127.0.0.1", port), timer);
    System.exit(netty && okHttp ? 0 : 1);
  }

  private static boolean check(String transport, ManagedChannelBuilder<?> builder, ScheduledExecutorService timer)
      throws InterruptedException {
    // Retries would hide streams that the server refuses.
    ManagedChannel channel = builder.usePlaintext().disableRetry().build();
    Client client = new Client(channel, timer);
    boolean ended =
        client.call(Plan::echo, 2_000, 200)
            && client.call(Plan::cancelledAndEcho, 1_000, 1)
            && client.call(Plan::storm, 4_000, 200)
            && client.call(Plan::mixed, 13_000, 64);
    client.tally.print(transport);
    if (!ended) {
      System.out.printf("  calls had not ended after %d s%n", WAIT_SECONDS);
    }
    channel.shutdownNow().awaitTermination(WAIT_SECONDS, TimeUnit.SECONDS);
    return ended && client.tally.good();
  }

  /** Makes `count` calls, `inFlight` at a time. False on timeout. */
  private boolean call(IntFunction<Plan> plans, int count, int inFlight) throws InterruptedException {
    Semaphore free = new Semaphore(inFlight);
    for (int i = 0; i < count; i++) {
      if (!free.tryAcquire(WAIT_SECONDS, TimeUnit.SECONDS)) {
        return false;
      }
      Caller.start(channel, plans.apply(i), timer, tally, free::release);
    }
    return free.tryAcquire(inFlight, WAIT_SECONDS, TimeUnit.SECONDS);
  }
}
