package ringrpc.interop;

import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Counts how calls ended, by kind and status, and those that ended wrongly. */
final class Tally {
  private static final int WRONG_TOLD_MAX = 10;

  private final Map<String, Map<Status.Code, Integer>> ends = new TreeMap<>();
  private final List<String> told = new ArrayList<>();
  private int calls;
  private int wrong;

  /** `fault` describes the fault of the call; null for none. */
  synchronized void add(String kind, Status.Code code, String fault) {
    calls++;
    ends.computeIfAbsent(kind, k -> new TreeMap<>()).merge(code, 1, Integer::sum);
    if (fault != null && ++wrong <= WRONG_TOLD_MAX) {
      told.add("call " + calls + " (" + kind + ") " + fault);
    }
  }

  synchronized int calls() {
    return calls;
  }

  synchronized boolean good() {
    return wrong == 0;
  }

  synchronized void print(String title) {
    System.out.printf("%s: %d calls, %d of them wrong%n", title, calls, wrong);
    ends.forEach((kind, codes) -> System.out.printf("  %s: %s%n", kind, codes));
    told.forEach(line -> System.out.println("  " + line));
  }
}
