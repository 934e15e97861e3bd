// The examples in the heads of the headers for threads of a program.
#include <functional>
#include <future>
#include <stop_token>

#include "ringrpc/event_count.h"
#include "ringrpc/submit.h"

#include "echo/v1/echo.ringrpc.h"

using namespace ringrpc;
using echo::v1::EchoRequest;
using echo::v1::EchoResponse;
using echo::v1::EchoService;

struct Loop {
  void post(std::function<void()> work);
};
void show(const Result<EchoResponse>& outcome);

Task<Status> watch_all(EventCount& board);

void show_submit(Loop& loop, EchoService::Stub& echo, const EchoRequest& request, EventCount& board) {
  // [submit.h]
  std::future<CallResult<EchoResponse>> response = submit([&] { return echo.Echo(request); });
  submit([&] { return echo.Echo(request); },
         [&loop](CallResult<EchoResponse> outcome) { loop.post([outcome] { show(outcome); }); });

  std::stop_source stop;
  std::future<Status> watched = submit([&] { return watch_all(board); }, stop.get_token());
  stop.request_stop();  // from any thread; `watched` gets CANCELLED
  // [/submit.h]
}
